#include "host/scouting/pipeline/joiner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace strobe::scouting {
namespace {

using testing::ElementsAre;

SourceOrbitPtr orbit(uint32_t number) {
  auto made = std::make_shared<SourceOrbit>();
  made->number = number;
  return made;
}

/// A joiner whose orbits are written down: "7:+-" went on with the first source's part and without the second's.
class JoinerTest : public testing::Test {
 protected:
  Joiner make(JoinOptions options) {
    return Joiner(options, [this](JoinedOrbit joined) {
      std::string text = std::to_string(joined.number) + ":";
      for (const SourceOrbitPtr& part : joined.parts) text += part != nullptr ? '+' : '-';
      EXPECT_EQ(joined.complete, text.find('-') == std::string::npos);
      seen_.push_back(text);
    });
  }
  std::vector<std::string> seen_;
};

TEST_F(JoinerTest, LetsOneSourcesOrbitsThrough) {
  Joiner joiner = make({.sources = 1});
  EXPECT_TRUE(joiner.take(0, orbit(3), 1));
  EXPECT_TRUE(joiner.take(0, orbit(4), 2));
  EXPECT_THAT(seen_, ElementsAre("3:+", "4:+"));
}

TEST_F(JoinerTest, WaitsForAllSourcesInTheOrderOfNumbers) {
  Joiner joiner = make({.sources = 2});
  joiner.take(0, orbit(1), 1);
  joiner.take(0, orbit(2), 1);
  EXPECT_TRUE(seen_.empty());
  joiner.take(1, orbit(1), 1);
  EXPECT_THAT(seen_, ElementsAre("1:++"));
  joiner.take(1, orbit(2), 1);
  EXPECT_THAT(seen_, ElementsAre("1:++", "2:++"));
  EXPECT_EQ(joiner.account().complete, 2);
}

TEST_F(JoinerTest, DoesNotWaitForWhatCannotCome) {
  Joiner joiner = make({.sources = 2});
  joiner.take(0, orbit(1), 1);
  joiner.take(1, orbit(2), 1);  // so source 1 has no orbit 1
  EXPECT_THAT(seen_, ElementsAre("1:+-"));
  joiner.finish(0);
  EXPECT_THAT(seen_, ElementsAre("1:+-", "2:-+"));
  EXPECT_THAT(joiner.account().lacking, ElementsAre(1, 1));
}

TEST_F(JoinerTest, LetsAnOrbitGoWhenItsTimeIsOverAndRefusesThePartThatComesLater) {
  Joiner joiner = make({.sources = 2, .timeout_ns = 100});
  joiner.take(0, orbit(1), 1000);
  joiner.check_time(1099);
  EXPECT_TRUE(seen_.empty());
  joiner.check_time(1100);
  EXPECT_THAT(seen_, ElementsAre("1:+-"));
  EXPECT_FALSE(joiner.take(1, orbit(1), 1101));
  EXPECT_TRUE(joiner.account().orbits.adds_up());
}

TEST_F(JoinerTest, DropsIncompleteOrbitsWhereItIsToldTo) {
  Joiner joiner = make({.sources = 2, .keep_incomplete = false});
  joiner.take(0, orbit(1), 1);
  joiner.take(0, orbit(2), 1);
  joiner.take(1, orbit(2), 1);
  EXPECT_THAT(seen_, ElementsAre("2:++"));
  EXPECT_EQ(joiner.account().orbits.dropped[static_cast<size_t>(Fault::kIncomplete)], 1);
  EXPECT_TRUE(joiner.account().orbits.adds_up());
}

TEST_F(JoinerTest, WaitsWithoutATimeoutForASourceThatIsNeverLate) {
  Joiner joiner = make({.sources = 3, .timeout_ns = 100, .never_late = {false, true, false}});
  joiner.take(0, orbit(1), 1000);
  joiner.check_time(5000);
  EXPECT_TRUE(seen_.empty());
  joiner.take(1, orbit(1), 5000);  // now only the third is awaited, and its time is over
  EXPECT_THAT(seen_, ElementsAre("1:++-"));
}

TEST_F(JoinerTest, BoundsWhatWaits) {
  Joiner joiner = make({.sources = 2, .most_waiting = 3});
  for (uint32_t n = 1; n <= 5; ++n) joiner.take(0, orbit(n), 1);
  EXPECT_THAT(seen_, ElementsAre("1:+-", "2:+-"));
}

TEST_F(JoinerTest, LosesNothingHoweverSourcesInterleave) {
  constexpr uint32_t kOrbits = 200;
  constexpr size_t kSources = 3;
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    seen_.clear();
    Joiner joiner = make({.sources = kSources});
    std::vector<uint32_t> next(kSources, 0);
    size_t parts = 0;
    for (;;) {
      std::vector<size_t> open;
      for (size_t s = 0; s < kSources; ++s) {
        if (next[s] < kOrbits) open.push_back(s);
      }
      if (open.empty()) break;
      const size_t s = open[random() % open.size()];
      const uint32_t number = next[s]++;
      if (random() % 10 == 0) {
        if (next[s] == kOrbits) joiner.finish(s);
        continue;
      }
      ASSERT_TRUE(joiner.take(s, orbit(number), 1));
      ++parts;
      if (next[s] == kOrbits) joiner.finish(s);
    }
    size_t parts_out = 0;
    for (const std::string& text : seen_) parts_out += static_cast<size_t>(std::count(text.begin(), text.end(), '+'));
    EXPECT_EQ(parts_out, parts) << "round " << round;
    EXPECT_EQ(joiner.account().orbits.held, 0);
    EXPECT_TRUE(joiner.account().orbits.adds_up());
  }
}

}  // namespace
}  // namespace strobe::scouting
