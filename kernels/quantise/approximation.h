#pragma once

#include "kernels/quantise/function_fit.h"
#include "kernels/quantise/step_writer.h"

namespace strobe::quantise {

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
/// well. The argument's grid is cut to what the tolerance needs; then the steps are those of one of `fits`. An argument
/// outside the domain gets the value at the domain's nearest grid point, and is counted as saturated.
/// A square root of more arguments than a fit takes is that of the argument times a power of 4 (wide_root.h).
/// Errors (in the writer's status): those of `FunctionFits::fit`; InvalidArgument for more than 2^44 arguments.
Approximation approximate(StepWriter& writer, FunctionFits& fits, const SmoothFunction& f,
                          const ApproximatedArgument& x, double tolerance);

}  // namespace strobe::quantise
