#pragma once

#include <functional>

#include "kernels/formula/formula.h"
#include "kernels/quantise/step_writer.h"

namespace strobe::quantise {

/// A function of one variable that shall be computed in fixed point.
struct SmoothFunction {
  std::function<double(double)> evaluate;
  formula::Domain domain;
  double steepest = 0;  ///< its largest slope; infinite: it is steepest at the ends of its argument's range or at 0
  double gap = 0;       ///< with a pole at 0: how close to it arguments come
};

/// How far the function's value moves at most when an argument in [low, high] moves by `distance`.
double sensitivity(const SmoothFunction& f, double low, double high, double distance);

struct Approximation {
  StepId step = 0;
  double error = 0;  ///< bound of the difference to the function of the exact argument
};

/// Writes steps that compute f(x) to within `tolerance` and the effect of the argument's own `error`, and says how
/// well.
///
/// The argument's grid is cut to what the tolerance needs. The function is then a table of constants, lines or
/// parabolas over cells of 2^k grid points, k by pieces of the range, whichever costs least. The error is found by
/// computing every point of the cut grid with the very integers of the steps, so it is proven, not estimated. An
/// argument outside the domain gets the value at the domain's nearest grid point, and is counted as saturated. Errors
/// (in the writer's status): InvalidArgument where that takes more than 2^20 points, or values are infinite.
Approximation approximate(StepWriter& writer, const SmoothFunction& f, StepId x, double error, double tolerance);

}  // namespace strobe::quantise
