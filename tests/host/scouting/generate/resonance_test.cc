#include "host/scouting/generate/resonance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace strobe::scouting {
namespace {

constexpr double kLeastPt = 3;

TEST(Decay, GivesTheResonancesMass) {
  Random random(11);
  for (int i = 0; i < 2000; ++i) {
    const auto [one, other] = decay(Resonance::kJpsi, kLeastPt, random);
    EXPECT_NEAR(mass_of(one, other), 3.0969, 1e-6);
    EXPECT_NE(one.negative, other.negative);
    for (const Lepton& muon : {one, other}) {
      EXPECT_GE(muon.pt, kLeastPt);
      EXPECT_LT(std::fabs(muon.eta), 2.4);
    }
  }
}

TEST(Decay, HasTheWidthOfTheZ) {
  Random random(12);
  constexpr int kDecays = 20000;
  int inside = 0;
  for (int i = 0; i < kDecays; ++i) {
    const auto [one, other] = decay(Resonance::kZ, kLeastPt, random);
    inside += std::fabs(mass_of(one, other) - 91.1876) < 2.4955 / 2;
  }
  // Half of a Breit-Wigner is within half a width; a little more, for its far tails are cut off.
  EXPECT_NEAR(static_cast<double>(inside) / kDecays, 0.51, 0.02);
}

TEST(ContinuumPair, HasNoPeak) {
  Random random(13);
  int near_jpsi = 0, beside = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto [one, other] = continuum_pair(kLeastPt, random);
    const double mass = mass_of(one, other);
    EXPECT_GT(mass, 1.99);
    EXPECT_LT(mass, 120.01);
    near_jpsi += mass > 3.0 && mass < 3.2;
    beside += mass > 3.2 && mass < 3.4;
  }
  EXPECT_GT(near_jpsi, 300);
  EXPECT_NEAR(near_jpsi, beside, 0.2 * near_jpsi);
}

}  // namespace
}  // namespace strobe::scouting
