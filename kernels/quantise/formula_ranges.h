#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/formula/formula.h"
#include "kernels/model/graph.h"

namespace strobe::quantise {

/// What the terms of a simplified formula can be, and how much they matter.
struct FormulaRanges {
  struct Interval {
    double low = 0, high = 0;
    double size() const { return std::max(std::abs(low), std::abs(high)); }
  };
  std::vector<Interval> values;  ///< of each term, over all inputs that the input's type can hold
  std::vector<double> slopes;    ///< how much an error of the term can grow on its way to any output; an estimate
  std::vector<bool> feeds_step;  ///< a comparison, rounding or table hangs on it
  int rounded = 0;               ///< terms whose result is rounded
  std::vector<std::string> warnings;
};

/// Interval analysis. `step_slope` is how much errors matter where a step function sees them. `saturate` allows
/// divisions by what can be 0. Errors: InvalidArgument with line and column for such a division where it is not
/// allowed, and for a function whose argument never lies in its domain.
absl::StatusOr<FormulaRanges> analyse_ranges(const formula::Formula& formula, const model::FixedType& input,
                                             double step_slope, bool saturate);

/// The function of a term.
double function_value(const formula::Term& term, double x);

}  // namespace strobe::quantise
