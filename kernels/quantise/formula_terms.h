#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/formula/formula.h"
#include "kernels/quantise/formula_ranges.h"
#include "kernels/quantise/function_fit.h"
#include "kernels/quantise/step_writer.h"

namespace strobe::quantise {

/// A term in fixed point: a step, and a bound of its difference to the term.
struct TermValue {
  StepId step = -1;
  double error = 0;
};

/// A term that jumps where its argument passes a limit, and how far the argument may be off.
struct Jump {
  formula::TermId term = 0;
  double error = 0;
};

/// What a formula's terms became.
struct LoweredTerms {
  std::vector<TermValue> outputs;
  std::vector<Jump> jumps;  ///< those whose argument is not exact
};

/// How exact terms shall be.
struct TermBudget {
  double output_error = 0;   ///< what all terms together may add to an output
  double scale = 1;          ///< of every term's share of it
  bool count_types = false;  ///< errors hold what the types lose that the formula itself gives
};

/// Writes the terms that outputs hang on as steps, each as coarse as its share of the error allows.
/// Errors: those of the writer and of `approximate`, with line and column of the term.
absl::StatusOr<LoweredTerms> lower_terms(const formula::Formula& formula, const FormulaRanges& ranges,
                                         const TermBudget& budget, FunctionFits& fits, StepWriter& writer);

/// "line 3, column 14: sin: ", then the message.
absl::Status located(const formula::Formula& formula, formula::TermId term, const absl::Status& status);

}  // namespace strobe::quantise
