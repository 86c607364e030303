#pragma once

/// Functions whose last bit does not depend on the C library, so that generated streams are the same everywhere: only
/// +, -, *, / and square root, which IEEE 754 fixes. Good to about 1e-12, more than hardware scales need. The room is
/// compiled without contraction to fused operations.
namespace strobe::scouting::portable {

double exp(double x);                   ///< 0 below -700; |x| at most 700
double log(double x);                   ///< x > 0
double sine(double x);                  ///< |x| at most 1e6
double cosine(double x);                ///< the same
double arctangent(double y, double x);  ///< in (-pi, pi], as atan2; 0 for (0, 0)
double sinh(double x);
double cosh(double x);
double arsinh(double x);

constexpr double kPi = 3.14159265358979323846;

}  // namespace strobe::scouting::portable
