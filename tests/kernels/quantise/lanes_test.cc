#include "kernels/quantise/lanes.h"

#include <gtest/gtest.h>

#include <random>

/// What values an element can take, whatever the widths: nothing overflows (a build with sanitizers shows it), and what
/// is too wide ends in a type that no graph accepts.
namespace strobe::quantise {
namespace {

using model::FixedType;

constexpr int kWidestType = FixedType::kMaxWidth;

FixedType random_type(std::mt19937_64& random) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  const bool is_signed = pick(0, 1) == 1;
  return {is_signed, pick(1, kWidestType - 1 + is_signed), pick(-256, 256), static_cast<model::Rounding>(pick(0, 6)),
          static_cast<model::Overflow>(pick(0, 3))};
}

TEST(Lanes, TooWideStaysTooWideUntilConverted) {
  const Lane wide = lane_of(FixedType::fixed(64, 32));
  Lane product = wide * wide;
  EXPECT_GT(holding(product).width, kWidestType);
  for (int i = 0; i < 4; ++i) product = product * wide + wide;
  EXPECT_GT(holding(product).width, kWidestType);
  EXPECT_GT(holding(-product).width, kWidestType);
  EXPECT_GT(holding(lane_max(product, wide)).width, kWidestType);
  EXPECT_GT(holding(united(product, lane_of(FixedType::fixed(4, -200)))).width, kWidestType);
  const Lane narrow = converted(product, FixedType::fixed(8, 4, model::Rounding::kTrn, model::Overflow::kSat));
  EXPECT_EQ(narrow.low, -128);
  EXPECT_EQ(narrow.high, 127);
  EXPECT_TRUE(scaled(product, 0, 3).is_zero());
}

TEST(Lanes, ConversionsOfAnyTypeToAnyOtherStayInRange) {
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const FixedType from = random_type(random), to = random_type(random);
    const Lane lane = lane_of(from);
    const Lane result = converted(lane, to);
    ASSERT_GE(result.low, to.is_signed ? -to.max_raw() - 1 : model::Wide{0});
    ASSERT_LE(result.high, to.max_raw());
    for (const model::Wide value : {lane.low, lane.high, (lane.low + lane.high) / 2}) {
      const int64_t cast = model::cast(value, lane.fraction, to);
      ASSERT_LE(result.low, cast);
      ASSERT_GE(result.high, cast);
    }
    ASSERT_GT(holding((lane + result) * (lane + -result)).width + 1, 0);
  }
}

}  // namespace
}  // namespace strobe::quantise
