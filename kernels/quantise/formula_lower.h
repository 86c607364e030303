#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/formula/formula.h"
#include "kernels/layers/formula/program.h"
#include "kernels/quantise/formula_config.h"

namespace strobe::quantise {

/// A formula as a fixed-point program.
struct LoweredFormula {
  layers::formula::Program program;
  std::vector<model::FixedType> outputs;  ///< one for all, or one for each output
  /// Of the difference to the formula in exact arithmetic, over all inputs: of each output.
  std::vector<double> error_bounds;
  std::vector<std::string> warnings;
  int64_t evaluations = 0;  ///< how often functions were computed on the way here
};

/// Chooses every step's format such that nothing overflows and no output differs from the formula by more than
/// `config` allows it. The error that each step may add follows from how much it matters (FormulaRanges); the bound
/// is then carried forward through the steps as written, and budgets shrink until it holds.
///
/// Step functions (floor, comparisons, tables) jump: an event whose argument lies closer to a jump than the argument's
/// own bound may come out on either side. Comparisons of exact values with constants are exact.
/// Errors: those of `formula::simplify` and `analyse_ranges`; InvalidArgument where the error cannot be reached or the
/// output's type overflows; Unimplemented for numbers that are too wide.
absl::StatusOr<LoweredFormula> lower_formula(const formula::Formula& formula, const model::TensorType& input,
                                             const FormulaConfig& config);

}  // namespace strobe::quantise
