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

/// A function's argument: a step within `error` of a value that lies between `low` and `high`.
struct ApproximatedArgument {
  StepId step = 0;
  double error = 0;
  double low = 0, high = 0;
};

struct Approximation {
  StepId step = 0;
  double error = 0;  ///< bound of the difference to the function of the exact argument
};

/// Writes steps that compute f(x) to within `tolerance` and the effect of the argument's own `error`, and says how
/// well.
///
/// The argument's grid is cut to what the tolerance needs. The function is then a table of constants, or of polynomials
/// of degree 1 to 3 over cells of 2^k grid points, k by pieces of the range, whichever costs least. Up to 2^16 points
/// of the cut grid, the error is found by computing every point with the very integers of the steps; beyond, from 65
/// points of each cell, their second differences, and what the steps round. An argument outside the domain gets the
/// value at the domain's nearest grid point, and is counted as saturated.
/// Errors (in the writer's status): InvalidArgument where values are beyond 2^50.
Approximation approximate(StepWriter& writer, const SmoothFunction& f, const ApproximatedArgument& x, double tolerance);

}  // namespace strobe::quantise
