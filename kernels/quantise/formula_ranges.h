#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/formula/formula.h"
#include "kernels/model/graph.h"
#include "kernels/quantise/function_fit.h"

namespace strobe::quantise {

/// What the terms of a simplified formula can be, and how much they matter.
struct FormulaRanges {
  struct Interval {
    double low = 0, high = 0;
    double size() const { return std::max(std::abs(low), std::abs(high)); }
  };
  std::vector<Interval> values;  ///< of each term, over all inputs that the input's type can hold, as far as it matters
  /// What a term must be brought into before it is read: beyond, it does not matter (formula_limits.h).
  std::vector<std::optional<Interval>> limits;
  std::vector<double> flattened;  ///< of each function: what the limits of its argument change it by at most
  std::vector<double> slopes;     ///< how much an error of the term can grow on its way to any output; an estimate
  std::vector<bool> feeds_step;   ///< a comparison, rounding or table hangs on it
  int rounded = 0;                ///< terms whose result is rounded
  std::vector<std::string> warnings;
};

/// Interval analysis for outputs with at most `output_error`. `step_error` is the error that step functions may see.
/// `saturate` allows divisions by what can be 0. Errors: InvalidArgument with line and column for such a division where
/// it is not allowed, and for a function whose argument never lies in its domain.
absl::StatusOr<FormulaRanges> analyse_ranges(const formula::Formula& formula, const model::FixedType& input,
                                             double output_error, double step_error, bool saturate);

/// The function of a term, and its value.
SmoothFunction smooth_function(const formula::Term& term);
double function_value(const formula::Term& term, double x);

}  // namespace strobe::quantise
