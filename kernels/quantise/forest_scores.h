#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/forest.h"
#include "kernels/model/graph.h"
#include "kernels/quantise/forest_config.h"

namespace strobe::quantise {

/// What a forest's leaves are worth as integers.
struct ForestScores {
  model::FixedType leaf, base, result;      ///< formats of "leaf_value", "base" and the output
  std::vector<int64_t> leaf_raw, base_raw;  ///< leaves in the order of `leaves`, rows of leaf_width
  std::optional<model::Constant> scale;     ///< conifer's norm, where it is not 1
  std::optional<model::FixedType> accumulator;
  std::string sum;   ///< the forest op's attribute
  double error = 0;  ///< of a margin, at most, by rounding of leaves and base
};

/// Turns leaf values, base and scale into integers. `leaves[i]` is the row in `forest.leaf_values` of the graph's i-th
/// leaf, `leaf_tree[i]` its tree.
absl::StatusOr<ForestScores> score_forest(const import::Forest& forest, const ForestConfig& config,
                                          const std::vector<int64_t>& leaves, const std::vector<int64_t>& leaf_tree);

}  // namespace strobe::quantise
