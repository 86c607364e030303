#pragma once

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/quantise.h"

namespace strobe::quantise {

bool is_formula(const import::FloatModel& model);

/// Turns a formula into a program of fixed-point steps: by strobe's own rules with a bound of the output's error
/// (formula_lower.h), or, with `Compatibility: hls4ml`, by hls4ml's. docs/formulas.md has the configuration's keys.
/// Errors: InvalidArgument with line and column of the formula or of the configuration.
absl::StatusOr<Quantised> quantise_formula(const import::FloatModel& model, const QuantiseOptions& options);

}  // namespace strobe::quantise
