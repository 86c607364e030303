#pragma once

#include <algorithm>
#include <cmath>
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

/// What is asked of a formula.
struct FormulaErrors {
  std::vector<double> outputs;  ///< how far each may be off
  double step = 0;              ///< the error that step functions may see
  bool saturate = false;        ///< divisions by what can be 0 are allowed

  double least() const { return *std::min_element(outputs.begin(), outputs.end()); }
};

/// Interval analysis over all events of type `input`. An error of an output counts by how much of its own allowed error
/// it is, in units of the least one. Errors: InvalidArgument with line and column for a division by what can be 0 where
/// that is not allowed, for a function whose argument never lies in its domain, and for values beyond 2^100.
absl::StatusOr<FormulaRanges> analyse_ranges(const formula::Formula& formula, const model::TensorType& input,
                                             const FormulaErrors& errors);

/// Of x - b floor(x / b) or x - b round(x / b), with a number b: where that lies, though its parts lie further out.
struct Remainder {
  formula::TermId quotient = 0;  ///< x / b
  double divisor = 0;            ///< b
  FormulaRanges::Interval range;
};
std::optional<Remainder> remainder_of(const formula::Formula& formula, const formula::Term& term);

/// The function of a term, and its value.
SmoothFunction smooth_function(const formula::Term& term);
double function_value(const formula::Term& term, double x);

}  // namespace strobe::quantise
