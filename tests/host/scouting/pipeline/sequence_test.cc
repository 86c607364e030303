#include "host/scouting/pipeline/sequence.h"

#include <gtest/gtest.h>

#include <vector>

namespace strobe::scouting {
namespace {

struct Verdicts {
  std::vector<uint32_t> on;  ///< in the order in which they go on
  std::vector<uint32_t> late, duplicate;
  uint64_t missing = 0;
};

/// What becomes of orbits with these numbers, at the end of the stream.
Verdicts run(const std::vector<uint32_t>& numbers, uint32_t step = 1) {
  using Verdict = Sequence::Verdict;
  Sequence sequence(step);
  Verdicts outcome;
  std::vector<uint32_t> held;
  const auto release = [&] {
    outcome.on.insert(outcome.on.end(), held.begin(), held.end());
    held.clear();
  };
  for (const uint32_t number : numbers) {
    switch (sequence.next(number)) {
      case Verdict::kNext:
        release();
        outcome.on.push_back(number);
        break;
      case Verdict::kHold:
        release();
        held = {number};
        break;
      case Verdict::kThenHeld:
        outcome.on.push_back(number);
        release();
        break;
      case Verdict::kBeforeHeld:
        outcome.on.push_back(number);
        break;
      case Verdict::kReplaceHeld:
        outcome.late.push_back(held.at(0));
        held.clear();
        outcome.on.push_back(number);
        break;
      case Verdict::kReplaceAndHold:
        outcome.late.push_back(held.at(0));
        held = {number};
        break;
      case Verdict::kLate:
        outcome.late.push_back(number);
        break;
      case Verdict::kDuplicate:
        outcome.duplicate.push_back(number);
        break;
    }
  }
  EXPECT_TRUE(sequence.release(true));
  release();
  outcome.missing = sequence.missing();
  return outcome;
}

using Numbers = std::vector<uint32_t>;

TEST(Sequence, LetsConsecutiveNumbersGoOnAtOnceFromAnyStart) {
  const Verdicts outcome = run({1000, 1001, 1002});
  EXPECT_EQ(outcome.on, (Numbers{1000, 1001, 1002}));
  EXPECT_EQ(outcome.missing, 0);
}

TEST(Sequence, LosesNothingToAnOrbitThatIsLateByOne) {
  EXPECT_EQ(run({1, 2, 4, 3, 5, 6}).on, (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(run({1, 2, 5, 3, 6, 7}).on, (Numbers{1, 2, 3, 5, 6, 7}));  // and 4 is missing
  EXPECT_EQ(run({1, 2, 6, 4, 7, 8}).on, (Numbers{1, 2, 4, 6, 7, 8}));  // 3 and 5 are missing
  EXPECT_EQ(run({2, 1, 3, 4}).on, (Numbers{1, 2, 3, 4}));
  const Verdicts damaged = run({1, 2, 300, 3, 4, 5});
  EXPECT_EQ(damaged.on, (Numbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(damaged.late, (Numbers{300}));
}

TEST(Sequence, DoesNotBelieveTwoDamagedNumbersInARow) {
  const Verdicts outcome = run({10, 11, 0x800000c, 0x1000000d, 14, 15});
  EXPECT_EQ(outcome.on, (Numbers{10, 11, 14, 15}));
  EXPECT_EQ(outcome.late, (Numbers{0x800000c, 0x1000000d}));
}

TEST(Sequence, CountsAGapAsMissing) {
  const Verdicts outcome = run({1, 2, 5, 6, 9});
  EXPECT_EQ(outcome.on, (Numbers{1, 2, 5, 6, 9}));
  EXPECT_EQ(outcome.missing, 4);
}

TEST(Sequence, DropsADamagedNumberAndNothingElse) {
  const Verdicts outcome = run({10, 11, 0x8000000c, 13, 14});
  EXPECT_EQ(outcome.on, (Numbers{10, 11, 13, 14}));
  EXPECT_EQ(outcome.late, (Numbers{0x8000000c}));
  EXPECT_EQ(outcome.missing, 1);
}

TEST(Sequence, DropsADamagedNumberBesideAGap) {
  const Verdicts outcome = run({10, 515, 13, 14, 15});
  EXPECT_EQ(outcome.on, (Numbers{10, 13, 14, 15}));
  EXPECT_EQ(outcome.late, (Numbers{515}));
  EXPECT_EQ(outcome.missing, 2);
}

TEST(Sequence, DoesNotBelieveADamagedFirstNumber) {
  const Verdicts outcome = run({0xf0000000, 11, 12, 13});
  EXPECT_EQ(outcome.on, (Numbers{11, 12, 13}));
  EXPECT_EQ(outcome.late, (Numbers{0xf0000000}));
  EXPECT_EQ(outcome.missing, 0);
}

TEST(Sequence, HoldsANumberFarAheadThroughASilence) {
  Sequence sequence;
  sequence.next(10);
  sequence.next(11);
  EXPECT_EQ(sequence.next(0x8000000c), Sequence::Verdict::kHold);
  EXPECT_FALSE(sequence.release(false));
  EXPECT_EQ(sequence.next(13), Sequence::Verdict::kReplaceAndHold);
  EXPECT_TRUE(sequence.release(false));
  EXPECT_EQ(sequence.next(14), Sequence::Verdict::kNext);
  EXPECT_EQ(sequence.missing(), 1);
}

TEST(Sequence, TellsLateOnesFromDuplicates) {
  const Verdicts outcome = run({1, 2, 4, 5, 3, 5, 4, 3});
  EXPECT_EQ(outcome.on, (Numbers{1, 2, 4, 5}));
  EXPECT_EQ(outcome.late, (Numbers{3}));
  EXPECT_EQ(outcome.duplicate, (Numbers{5, 4, 3}));
  EXPECT_EQ(outcome.missing, 0);  // it came, only too late
}

TEST(Sequence, KnowsADuplicateOfWhatItHolds) {
  const Verdicts outcome = run({1, 5, 5, 6});
  EXPECT_EQ(outcome.on, (Numbers{1, 5, 6}));
  EXPECT_EQ(outcome.duplicate, (Numbers{5}));
}

TEST(Sequence, TakesATimeSlicesStepAsConsecutive) {
  const Verdicts outcome = run({4, 10, 16, 28}, 6);
  EXPECT_EQ(outcome.on, (Numbers{4, 10, 16, 28}));
  EXPECT_EQ(outcome.missing, 1);
}

TEST(Sequence, ForgetsNumbersFarBehind) {
  Numbers numbers;
  for (uint32_t n = 0; n < 10000; ++n) numbers.push_back(n);
  numbers.push_back(100);
  const Verdicts outcome = run(numbers);
  EXPECT_EQ(outcome.on.size(), 10000);
  EXPECT_EQ(outcome.late, (Numbers{100}));
  EXPECT_EQ(outcome.missing, 0);
}

TEST(Sequence, BelievesAStreamWithManyLongGaps) {
  Sequence sequence;
  for (const uint32_t number : {10u, 11u, 200u, 400u, 402u, 900u, 4900u}) {
    const auto verdict = sequence.next(number);
    EXPECT_TRUE(verdict == Sequence::Verdict::kHold || verdict == Sequence::Verdict::kNext) << number;
  }
}

}  // namespace
}  // namespace strobe::scouting
