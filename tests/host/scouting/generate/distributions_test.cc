#include "host/scouting/generate/distributions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace strobe::scouting {
namespace {

TEST(Random, IsTheSameOnEveryMachine) {
  // The reference implementations' first numbers: splitmix64 fills the state from seed 0, xoshiro256++ goes on.
  Random random(0);
  EXPECT_EQ(random.next(), 0x53175d61490b23dfu);
  EXPECT_EQ(random.next(), 0x61da6f3dc380d507u);
  EXPECT_EQ(random.next(), 0x5c0fdf91ec9a7bfcu);
}

TEST(Random, StreamsOfOneSeedDiffer) {
  Random first(7, 0), second(7, 1), again(7, 1);
  const uint64_t value = second.next();
  EXPECT_NE(first.next(), value);
  EXPECT_EQ(again.next(), value);
}

TEST(Discrete, DrawsByWeight) {
  const std::vector<double> weights = {1, 0, 5, 2, 0.5};
  const Discrete discrete(-1, weights);
  constexpr int kDraws = 400000;
  Random random(3);
  std::vector<int> counts(weights.size());
  for (int i = 0; i < kDraws; ++i) {
    const int32_t value = discrete.draw(random);
    ASSERT_GE(value, -1);
    ASSERT_LT(value, 4);
    ++counts[static_cast<size_t>(value + 1)];
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double share = weights[i] / sum;
    EXPECT_NEAR(counts[i], share * kDraws, 5 * std::sqrt(share * (1 - share) * kDraws)) << "value " << i;
  }
}

TEST(Poisson, HasItsMeanAndItsEmptyShare) {
  for (const double mean : {0.05, 0.3, 1.0, 15.0}) {
    const Discrete discrete = poisson(mean, 200);
    constexpr int kDraws = 200000;
    Random random(static_cast<uint64_t>(mean * 1000));
    double sum = 0;
    int empty = 0;
    for (int i = 0; i < kDraws; ++i) {
      const int32_t value = discrete.draw(random);
      sum += value;
      empty += value == 0;
    }
    EXPECT_NEAR(sum / kDraws, mean, 5 * std::sqrt(mean / kDraws));
    const double share = std::exp(-mean);
    EXPECT_NEAR(empty, share * kDraws, 5 * std::sqrt(share * (1 - share) * kDraws) + 1e-9) << "mean " << mean;
  }
}

}  // namespace
}  // namespace strobe::scouting
