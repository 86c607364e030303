#include "host/scouting/generate/portable_math.h"

#include <cmath>
#include <cstdint>

namespace strobe::scouting::portable {
namespace {

constexpr double kLn2 = 0.693147180559945309417;

/// The nearest integer; exact, like all that std::floor does.
double nearest(double x) { return std::floor(x + 0.5); }

/// Taylor's series of the sine, for |x| at most pi/4 of the cosine's or pi/2 of its own.
double sine_series(double x) {
  const double square = x * x;
  double sum = 0;
  for (int n = 23; n >= 3; n -= 2) sum = -(1 + sum) * square / (n * (n - 1));
  return x * (1 + sum);
}

}  // namespace

double exp(double x) {
  if (x < -700) return 0;
  const double power = nearest(x / kLn2);
  const double rest = x - power * kLn2;
  double sum = 1;
  for (int n = 16; n >= 1; --n) sum = 1 + sum * rest / n;
  return std::ldexp(sum, static_cast<int>(power));
}

double log(double x) {
  int power = 0;
  double mantissa = std::frexp(x, &power);
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2;
    --power;
  }
  const double ratio = (mantissa - 1) / (mantissa + 1);
  const double square = ratio * ratio;
  double sum = 0;
  for (int n = 25; n >= 1; n -= 2) sum = sum * square + 1.0 / n;
  return power * kLn2 + 2 * ratio * sum;
}

double sine(double x) {
  const double half_turns = nearest(x / kPi);
  const double rest = x - half_turns * kPi;
  const bool odd = static_cast<int64_t>(half_turns) % 2 != 0;
  return odd ? -sine_series(rest) : sine_series(rest);
}

double cosine(double x) { return sine(x + kPi / 2); }

double arctangent(double y, double x) {
  if (x == 0 && y == 0) return 0;
  const double size = std::sqrt(x * x + y * y);
  // Twice halved: tan(a/2) = sin a / (1 + cos a), which keeps the series' argument below tan(pi/8).
  if (x < 0 && y == 0) return kPi;
  const double half = x >= 0 ? y / (size + x) : (size - x) / y;
  const double quarter = half / (1 + std::sqrt(1 + half * half));
  const bool steep = std::fabs(quarter) > 0.41421356237309503;
  const double argument = steep ? (std::fabs(quarter) - 1) / (std::fabs(quarter) + 1) : quarter;
  const double square = argument * argument;
  double sum = 0;
  for (int n = 41; n >= 1; n -= 2) sum = 1.0 / n - sum * square;
  const double angle = steep ? std::copysign(kPi / 4 + argument * sum, quarter) : argument * sum;
  return 4 * angle;
}

double sinh(double x) {
  const double grown = exp(std::fabs(x));
  return std::copysign((grown - 1 / grown) / 2, x);
}

double cosh(double x) {
  const double grown = exp(std::fabs(x));
  return (grown + 1 / grown) / 2;
}

double arsinh(double x) {
  const double size = std::fabs(x);
  return std::copysign(log(size + std::sqrt(size * size + 1)), x);
}

}  // namespace strobe::scouting::portable
