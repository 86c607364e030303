#pragma once

#include "absl/status/statusor.h"
#include "kernels/quantise/formula_lower.h"

namespace strobe::quantise {

/// A formula in hls4ml's arithmetic, as its symbolic-expression backend computes with every function replaced by a
/// lookup table: inputs, constants, functions' arguments and values and results have one precision; sums and products
/// keep all bits. Constants are merged and multiplied into sums before that, as SymPy does on reading
/// (formula_normal_form.h). Errors: Unimplemented for what hls4ml has no table for.
absl::StatusOr<LoweredFormula> lower_formula_as_hls4ml(const formula::Formula& formula, const model::TensorType& input,
                                                       const FormulaConfig& config);

}  // namespace strobe::quantise
