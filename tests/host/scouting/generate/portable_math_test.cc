#include "host/scouting/generate/portable_math.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace strobe::scouting::portable {
namespace {

constexpr double kTolerance = 1e-11;

void expect_close(double found, double expected, double at) {
  EXPECT_NEAR(found, expected, kTolerance * std::max(1.0, std::fabs(expected))) << "at " << at;
}

TEST(PortableMath, AgreesWithTheCLibrary) {
  for (double x = -20; x <= 20; x += 0.0917) {
    expect_close(exp(x), std::exp(x), x);
    expect_close(sine(x), std::sin(x), x);
    expect_close(cosine(x), std::cos(x), x);
    expect_close(sinh(x), std::sinh(x), x);
    expect_close(cosh(x), std::cosh(x), x);
    expect_close(arsinh(x), std::asinh(x), x);
  }
  for (double x = 1e-8; x < 1e8; x *= 1.37) expect_close(log(x), std::log(x), x);
}

TEST(PortableMath, ArctangentKnowsAllQuadrants) {
  for (double angle = -3.14; angle <= 3.1416; angle += 0.01) {
    for (const double radius : {1e-3, 1.0, 250.0}) {
      const double y = radius * std::sin(angle), x = radius * std::cos(angle);
      expect_close(arctangent(y, x), std::atan2(y, x), angle);
    }
  }
  expect_close(arctangent(0, -1), kPi, kPi);
  EXPECT_EQ(arctangent(0, 0), 0);
}

}  // namespace
}  // namespace strobe::scouting::portable
