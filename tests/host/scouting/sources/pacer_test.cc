#include "host/scouting/sources/pacer.h"

#include <gtest/gtest.h>

#include "host/scouting/core/orbit.h"

namespace strobe::scouting {
namespace {

using std::chrono::nanoseconds;
constexpr Pacer::Clock::time_point kStart{std::chrono::hours(1)};

double seconds(Pacer::Clock::duration time) { return std::chrono::duration<double>(time).count(); }

TEST(Pacer, PlansAnOrbitAfterTheOther) {
  Pacer pacer(2);
  EXPECT_EQ(pacer.next(kStart), kStart);
  Pacer::Clock::time_point due;
  for (int orbit = 1; orbit <= 100'000; ++orbit) {
    due = pacer.next(due == Pacer::Clock::time_point() ? kStart : due);
    ASSERT_NEAR(seconds(due - kStart), orbit * kOrbitSeconds / 2, 2e-9);
  }
  EXPECT_NEAR(seconds(due - kStart), 4.4462, 1e-4);
}

TEST(Pacer, CatchesUpWithAShortDelay) {
  Pacer pacer(1);
  pacer.next(kStart);
  const auto late = kStart + std::chrono::milliseconds(50);
  for (int orbit = 1; orbit <= 1000; ++orbit) {
    EXPECT_NEAR(seconds(pacer.next(late) - kStart), orbit * kOrbitSeconds, 2e-9);
  }
}

TEST(Pacer, ForgetsWhatIsBeyondALongDelay) {
  Pacer pacer(1);
  pacer.next(kStart);
  const auto late = kStart + std::chrono::seconds(20);
  EXPECT_EQ(pacer.next(late), late - Pacer::kMostBehind);
  EXPECT_NEAR(seconds(pacer.next(late) - (late - Pacer::kMostBehind)), kOrbitSeconds, 2e-9);
}

TEST(Pacer, WithoutARateHasNoPlan) {
  Pacer pacer(0);
  for (int orbit = 0; orbit < 10; ++orbit) EXPECT_EQ(pacer.next(kStart), kStart);
}

TEST(Pacer, WaitEndsWithTheInterrupt) {
  auto interrupt = Interrupt::create();
  ASSERT_TRUE(interrupt.ok()) << interrupt.status();
  Pacer pacer(1e-6);  // 89 s an orbit
  pacer.wait(*interrupt);
  interrupt->raise();
  const auto start = Pacer::Clock::now();
  pacer.wait(*interrupt);
  EXPECT_LT(seconds(Pacer::Clock::now() - start), 60);
}

}  // namespace
}  // namespace strobe::scouting
