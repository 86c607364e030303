#include "host/runtime/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace strobe::runtime {
namespace {

using model::FixedType;
using model::OverflowCount;
using model::Rounding;
using model::TensorType;
using ::testing::HasSubstr;

constexpr Encoding kFp32{ElementKind::kFloat32, false};
constexpr Encoding kFp64{ElementKind::kFloat64, false};

std::vector<Rounding> all_roundings() {
  return {Rounding::kTrn,       Rounding::kTrnZero, Rounding::kRnd,    Rounding::kRndZero,
          Rounding::kRndMinInf, Rounding::kRndInf,  Rounding::kRndConv};
}

template <typename T>
std::span<const std::byte> bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

int64_t read_container(const Codec& codec, const std::vector<std::byte>& containers, size_t element) {
  const size_t size = codec.row_bytes() / codec.elements();
  int64_t raw = 0;
  std::memcpy(&raw, containers.data() + element * size, size);
  if (!codec.type().at(static_cast<int64_t>(element % codec.elements())).is_signed) return raw;
  const int unused = static_cast<int>(64 - 8 * size);
  return static_cast<int64_t>(static_cast<uint64_t>(raw) << unused) >> unused;
}

/// Random types and values that hit steps, halves, limits and far beyond.
class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}
  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  FixedType type(int widest, bool wide_scale) {
    FixedType t;
    t.is_signed = between(0, 2) > 0;
    t.width = between(0, 9) == 0 ? between(0, 2) : between(1, std::min(widest, t.is_signed ? 64 : 63));
    t.integer = wide_scale ? between(-60, 80) : between(-4, std::max(1, t.width));
    t.rounding = all_roundings()[static_cast<size_t>(between(0, 6))];
    t.overflow = static_cast<model::Overflow>(between(0, 3));
    return t;
  }
  double value(const FixedType& t) {
    switch (between(0, 5)) {
      case 0:
        return std::ldexp(between(-64, 64) * 0.5, -t.fraction());  // on and between steps
      case 1:
        return std::nextafter(std::ldexp(between(-9, 9) * 0.5, -t.fraction()), 1e300);  // just beside them
      case 2:
        return std::ldexp(between(-5, 5), t.integer - 1);  // at the limits
      case 3:
        return std::ldexp(std::uniform_real_distribution<>(-1, 1)(random_), between(-30, 60));
      case 4:
        return between(0, 1) * -0.0;
      default:
        return std::ldexp(std::uniform_real_distribution<>(-1.2, 1.2)(random_), t.integer - 1);
    }
  }
  uint64_t bits() { return random_(); }

 private:
  std::mt19937_64 random_;
};

TensorType random_tensor(Chance& chance, bool one_mode) {
  TensorType type{{chance.between(1, 40)}, {}};
  const int widest = std::vector<int>{6, 8, 16, 24, 31, 32, 64}[static_cast<size_t>(chance.between(0, 6))];
  const bool wide_scale = chance.between(0, 3) == 0;
  type.types.push_back(chance.type(widest, wide_scale));
  if (chance.between(0, 1) == 0) return type;
  for (int64_t i = 1; i < type.elements(); ++i) {
    type.types.push_back(chance.type(widest, wide_scale));
    if (!one_mode) continue;
    type.types.back().rounding = type.types[0].rounding;
    type.types.back().overflow = type.types[0].overflow;
  }
  return type;
}

/// Encodes values of random tensors and holds them against `model::cast`, one by one, counts included.
template <typename Source>
void compare_with_cast(uint64_t seed, Encoding encoding) {
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  Chance chance(seed);
  for (int round = 0; round < 1500; ++round) {
    const Codec codec("x", random_tensor(chance, round % 4 != 0));
    SCOPED_TRACE(codec.type().to_string());
    const size_t count = codec.elements() * static_cast<size_t>(chance.between(1, 60));
    std::vector<Source> values;
    for (size_t i = 0; i < count; ++i) {
      const double value = chance.value(codec.type().at(static_cast<int64_t>(i % codec.elements())));
      values.push_back(std::is_integral_v<Source> ? static_cast<Source>(chance.bits() >> chance.between(0, 63))
                                                  : static_cast<Source>(value));
      if (!std::isfinite(static_cast<double>(values.back()))) values.back() = std::numeric_limits<Source>::max();
    }
    std::vector<std::byte> containers(count / codec.elements() * codec.row_bytes());
    OverflowCount counted, expected_count;
    ASSERT_TRUE(codec.encode(encoding, bytes(values), containers, 0, &counted).ok());
    for (size_t i = 0; i < count; ++i) {
      const FixedType& t = codec.type().at(static_cast<int64_t>(i % codec.elements()));
      const int64_t expected = std::is_integral_v<Source>
                                   ? model::cast(static_cast<model::Wide>(values[i]), 0, t, &expected_count)
                                   : model::cast(static_cast<double>(values[i]), t, &expected_count);
      ASSERT_EQ(read_container(codec, containers, i), expected) << t.to_string() << " of " << +values[i];
    }
    ASSERT_EQ(counted.wrapped, expected_count.wrapped);
    ASSERT_EQ(counted.saturated, expected_count.saturated);
  }
}

TEST(Codec, EncodesFloat32AsCastDoes) { compare_with_cast<float>(11, kFp32); }
TEST(Codec, EncodesFloat64AsCastDoes) { compare_with_cast<double>(12, kFp64); }
TEST(Codec, EncodesInt16NumbersAsCastDoes) { compare_with_cast<int16_t>(13, {ElementKind::kInt16, false}); }
TEST(Codec, EncodesUint32NumbersAsCastDoes) { compare_with_cast<uint32_t>(14, {ElementKind::kUint32, false}); }
TEST(Codec, EncodesInt64NumbersAsCastDoes) { compare_with_cast<int64_t>(15, {ElementKind::kInt64, false}); }

TEST(Codec, DecodesEveryRawValueExactlyIntoFloat64) {
  const uint64_t seed = 21;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  Chance chance(seed);
  for (int round = 0; round < 1500; ++round) {
    TensorType type = random_tensor(chance, false);
    for (FixedType& t : type.types) t.width = std::min(t.width, 53);
    const Codec codec("y", type);
    const size_t count = codec.elements() * static_cast<size_t>(chance.between(1, 40));
    std::vector<int64_t> raw;
    for (size_t i = 0; i < count; ++i) {
      FixedType t = type.at(static_cast<int64_t>(i % codec.elements()));
      t.overflow = model::Overflow::kWrap;
      raw.push_back(model::apply_overflow(static_cast<int64_t>(chance.bits()), t));
    }
    std::vector<std::byte> containers(count / codec.elements() * codec.row_bytes());
    ASSERT_TRUE(codec.encode({ElementKind::kInt64, true}, bytes(raw), containers).ok());
    std::vector<double> doubles(count);
    std::vector<float> floats(count);
    codec.decode(kFp64, containers, std::as_writable_bytes(std::span(doubles)));
    codec.decode(kFp32, containers, std::as_writable_bytes(std::span(floats)));
    for (size_t i = 0; i < count; ++i) {
      const FixedType& t = type.at(static_cast<int64_t>(i % codec.elements()));
      ASSERT_EQ(read_container(codec, containers, i), raw[i]);
      ASSERT_EQ(doubles[i], model::to_double(raw[i], t)) << t.to_string();
      ASSERT_EQ(floats[i], static_cast<float>(model::to_double(raw[i], t))) << t.to_string();
    }
  }
}

TEST(Codec, NamesTheElementThatIsNotFinite) {
  const Codec codec("x", {{4}, {FixedType::fixed(16, 6)}});
  std::vector<float> values(4 * 300, 1.0F);
  std::vector<std::byte> containers(2 * values.size());
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    values[4 * 257 + 3] = bad;
    const absl::Status status = codec.encode(kFp32, bytes(values), containers, 1000);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("tensor 'x': row 1257, element 3 is "));
  }
}

TEST(Codec, RefusesRawValuesOutsideTheType) {
  const Codec codec("x", {{3}, {FixedType::fixed(16, 6), FixedType::fixed(9, 3), FixedType::ufixed(12, 12)}});
  std::vector<std::byte> containers(6);
  const auto encode = [&](std::vector<int16_t> raw) {
    return codec.encode({ElementKind::kInt16, true}, bytes(raw), containers);
  };
  EXPECT_TRUE(encode({-32768, -256, 0}).ok());
  EXPECT_TRUE(encode({32767, 255, 4095}).ok());
  EXPECT_THAT(std::string(encode({0, 256, 0}).message()), HasSubstr("row 0, element 1 is 256; raw values of"));
  EXPECT_THAT(std::string(encode({0, -257, 0}).message()), HasSubstr("are -256..255"));
  EXPECT_THAT(std::string(encode({0, 0, -1}).message()), HasSubstr("are 0..4095"));
}

TEST(Codec, RefusesOutputsThatCannotHoldTheType) {
  const Codec narrow("y", {{2}, {FixedType::ufixed(16, 4)}});
  EXPECT_TRUE(narrow.check_decode({ElementKind::kUint16, true}).ok());
  EXPECT_TRUE(narrow.check_decode({ElementKind::kInt32, true}).ok());
  EXPECT_TRUE(narrow.check_decode(kFp32).ok());
  EXPECT_FALSE(narrow.check_decode({ElementKind::kInt16, true}).ok());
  EXPECT_FALSE(narrow.check_decode({ElementKind::kInt32, false}).ok());
  EXPECT_THAT(std::string(narrow.check_decode({ElementKind::kUint8, true}).message()), HasSubstr("uint16 can"));
}

TEST(Codec, KeepsTheOrderOfFloatsInKeys) {
  const uint64_t seed = 31;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  Chance chance(seed);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = {0.0F,
                               -0.0F,
                               kInfinity,
                               -kInfinity,
                               std::numeric_limits<float>::denorm_min(),
                               -std::numeric_limits<float>::denorm_min()};
  while (values.size() < 3 * 700) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(chance.bits()));
    if (!std::isnan(value)) values.push_back(value);
  }
  const Codec codec("x", {{3}, {model::kOrderedFloatType}}, {model::InputEncoding::Kind::kOrderedFloat, std::nullopt});
  std::vector<int32_t> keys(values.size()), from_doubles(values.size());
  ASSERT_TRUE(codec.encode(kFp32, bytes(values), std::as_writable_bytes(std::span(keys))).ok());
  const std::vector<double> doubles(values.begin(), values.end());
  ASSERT_TRUE(codec.encode(kFp64, bytes(doubles), std::as_writable_bytes(std::span(from_doubles))).ok());
  EXPECT_EQ(keys, from_doubles);
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    ASSERT_EQ(values[i] < values[i + 1], keys[i] < keys[i + 1]) << values[i] << " and " << values[i + 1];
    ASSERT_EQ(values[i] == values[i + 1], keys[i] == keys[i + 1]) << values[i] << " and " << values[i + 1];
    ASSERT_EQ(keys[i], model::ordered_key(values[i]));
  }
  std::vector<float> back(values.size());
  codec.decode(kFp32, std::as_bytes(std::span(keys)), std::as_writable_bytes(std::span(back)));
  EXPECT_EQ(back, values);
}

TEST(Codec, GivesNanTheMissingValueOrRefusesIt) {
  std::vector<float> values(4 * 300, 1.0F);
  values[4 * 257 + 3] = -std::numeric_limits<float>::quiet_NaN();
  std::vector<int32_t> keys(values.size());
  const model::InputEncoding without{model::InputEncoding::Kind::kOrderedFloat, std::nullopt};
  const model::InputEncoding with{model::InputEncoding::Kind::kOrderedFloat, model::kOrderedFloatMissing};
  const TensorType type{{4}, {model::kOrderedFloatType}};
  const absl::Status refused =
      Codec("x", type, without).encode(kFp32, bytes(values), std::as_writable_bytes(std::span(keys)));
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("row 257, element 3 is NaN; the model knows no missing values"));
  const Codec codec("x", type, with);
  ASSERT_TRUE(codec.encode(kFp32, bytes(values), std::as_writable_bytes(std::span(keys))).ok());
  EXPECT_EQ(keys[4 * 257 + 3], std::numeric_limits<int32_t>::min());
  EXPECT_EQ(keys[0], model::ordered_key(1.0F));
  std::vector<double> back(values.size());
  codec.decode(kFp64, std::as_bytes(std::span(keys)), std::as_writable_bytes(std::span(back)));
  EXPECT_TRUE(std::isnan(back[4 * 257 + 3]));
  EXPECT_EQ(back[0], 1);
}

TEST(Codec, KeepsNumbersOffTheMissingValueOfAFixedPointType) {
  for (const model::Overflow overflow : {model::Overflow::kWrap, model::Overflow::kSat, model::Overflow::kSatZero}) {
    for (const bool is_signed : {true, false}) {
      const FixedType type{is_signed, 8, 8, model::Rounding::kTrn, overflow};
      const int64_t missing = model::missing_code(type), beside = missing + (is_signed ? 1 : -1);
      const Codec codec("x", {{2}, {type}}, {model::InputEncoding::Kind::kFixedPoint, missing});
      const std::vector<float> values = {static_cast<float>(missing), 3, static_cast<float>(beside),
                                         std::numeric_limits<float>::quiet_NaN()};
      std::vector<std::byte> containers(values.size());
      OverflowCount count;
      ASSERT_TRUE(codec.encode(kFp32, bytes(values), containers, 0, &count).ok());
      EXPECT_EQ(read_container(codec, containers, 0), beside);
      EXPECT_EQ(read_container(codec, containers, 1), 3);
      EXPECT_EQ(read_container(codec, containers, 2), beside);
      EXPECT_EQ(read_container(codec, containers, 3), missing);
      EXPECT_EQ(count.total(), 1u);
      const std::vector<int16_t> integers = {static_cast<int16_t>(missing), 3};
      std::vector<std::byte> row(2);
      ASSERT_TRUE(codec.encode({ElementKind::kInt16, false}, bytes(integers), row, 0, &count).ok());
      EXPECT_EQ(read_container(codec, row, 0), beside);
      EXPECT_EQ(count.total(), 2u);
    }
  }
}

}  // namespace
}  // namespace strobe::runtime
