#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/import/forest.h"

namespace strobe::import {

struct ForestEvaluation {
  std::vector<double> margins;  ///< rows x outputs, before any output transform
  std::vector<int32_t> leaves;  ///< rows x trees: the framework's number of the leaf that each tree ends in
};

/// Evaluates a forest as its framework does: features rounded to float32 where it compares those, margins summed in
/// double in the order of the trees. `inputs`: rows x features. The forest must have passed `verify`.
/// Errors: InvalidArgument for a wrong number of inputs, and for a NaN at a split of a forest that knows no missing
/// values (event and feature named).
absl::StatusOr<ForestEvaluation> evaluate_forest(const Forest& forest, std::span<const double> inputs, size_t rows);

/// Turns margins (rows x outputs) into the framework's final answers, in place.
void apply_post_transform(const Forest& forest, std::span<double> margins);

}  // namespace strobe::import
