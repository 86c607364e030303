#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"

namespace strobe::import {

/// Reads a weight file of TMVA's boosted decision trees (`*.weights.xml`): AdaBoost, bagging and gradient boosting,
/// two or more classes. Splits compare float32 values, `x >= cut` on one side. Margins: of gradient boosting the sum
/// of the responses, else the weighted mean that TMVA calls the MVA value.
/// Errors: InvalidArgument naming tree and node; Unimplemented for other methods, regression, Fisher cuts and variable
/// transformations.
absl::StatusOr<FloatModel> read_tmva(std::string_view xml, const std::string& name);

}  // namespace strobe::import
