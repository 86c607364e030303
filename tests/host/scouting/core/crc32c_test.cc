#include "host/scouting/core/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace strobe::scouting {
namespace {

/// The definition: polynomial division bit by bit.
uint32_t by_definition(std::span<const std::byte> bytes, uint32_t seed = 0) {
  uint32_t state = ~seed;
  for (const std::byte byte : bytes) {
    state ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ (state & 1 ? 0x82f63b78u : 0u);
  }
  return ~state;
}

std::vector<std::byte> random_bytes(size_t size, uint64_t seed) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

class Crc32c : public testing::TestWithParam<Crc32cMethod> {
 protected:
  void SetUp() override {
    if (!has_crc32c_method(GetParam())) GTEST_SKIP() << "this processor lacks the instructions";
  }
};

// RFC 3720 B.4, and the check value of the catalogue of CRCs.
TEST_P(Crc32c, GivesThePublishedValues) {
  const auto of = [](const std::vector<uint8_t>& values) {
    return crc32c_by(GetParam(), std::as_bytes(std::span(values)));
  };
  std::vector<uint8_t> rising(32), falling(32);
  for (uint8_t i = 0; i < 32; ++i) rising[i] = i, falling[i] = static_cast<uint8_t>(31 - i);
  EXPECT_EQ(of({}), 0u);
  EXPECT_EQ(of(std::vector<uint8_t>(32, 0)), 0x8a9136aau);
  EXPECT_EQ(of(std::vector<uint8_t>(32, 0xff)), 0x62a8ab43u);
  EXPECT_EQ(of(rising), 0x46dd794eu);
  EXPECT_EQ(of(falling), 0x113fdb5cu);
  EXPECT_EQ(crc32c_by(GetParam(), std::as_bytes(std::span(std::string_view("123456789")))), 0xe3069283u);
}

TEST_P(Crc32c, EqualsTheDefinitionAtAllLengthsAndOffsets) {
  const auto bytes = random_bytes(700, 1);
  for (size_t size = 0; size <= 600; ++size) {
    for (const size_t offset : {0, 1, 3, 7, 8, 13, 31, 63}) {
      const auto part = std::span(bytes).subspan(offset, size);
      ASSERT_EQ(crc32c_by(GetParam(), part, 0x12345678), by_definition(part, 0x12345678)) << size << " at " << offset;
    }
  }
}

TEST_P(Crc32c, EqualsTheDefinitionOfLongBytes) {
  const auto bytes = random_bytes(20'000, 2);
  for (size_t size = 601; size < bytes.size(); size += 97) {
    const auto part = std::span(bytes).first(size);
    ASSERT_EQ(crc32c_by(GetParam(), part), by_definition(part)) << size;
  }
}

TEST_P(Crc32c, GoesOnFromASeed) {
  const auto bytes = random_bytes(5000, 3);
  const uint32_t all = crc32c_by(GetParam(), bytes);
  for (size_t cut = 0; cut <= bytes.size(); cut += 41) {
    const uint32_t front = crc32c_by(GetParam(), std::span(bytes).first(cut));
    ASSERT_EQ(crc32c_by(GetParam(), std::span(bytes).subspan(cut), front), all) << cut;
  }
}

std::string name_of_method(const testing::TestParamInfo<Crc32cMethod>& info) {
  constexpr const char* kNames[] = {"table", "sse42", "pclmul", "vpclmul"};
  return kNames[static_cast<size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Methods, Crc32c,
                         testing::Values(Crc32cMethod::kTable, Crc32cMethod::kSse42, Crc32cMethod::kPclmul,
                                         Crc32cMethod::kVpclmul),
                         name_of_method);

TEST(Crc32cByDefault, IsTheSame) {
  const auto bytes = random_bytes(3000, 4);
  EXPECT_EQ(crc32c(bytes, 7), by_definition(bytes, 7));
}

}  // namespace
}  // namespace strobe::scouting
