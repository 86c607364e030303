#pragma once

#include "kernels/quantise/approximation.h"

namespace strobe::quantise {

/// Whether f is a square root whose argument has too many values near 0 for one fit.
bool needs_wide_root(const StepWriter& writer, const SmoothFunction& f, const ApproximatedArgument& x,
                     double tolerance);

/// A square root of an argument from 0 to far away, near which it is steep: sqrt(x) = sqrt(4^s x) / 2^s, where s is
/// chosen in steps such that 4^s x lies in the highest sixteenth of the range, and there the root bends little and
/// needs no fine argument. As `approximate`; negative arguments give 0, and are counted as saturated.
Approximation wide_root(StepWriter& writer, FunctionFits& fits, const SmoothFunction& f, const ApproximatedArgument& x,
                        double tolerance);

}  // namespace strobe::quantise
