#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/import/forest.h"

/// What importers of forests share: a tree as a file numbers it, its way into a `Forest`, and the forest's checks.
namespace strobe::import {

/// The most inputs that a forest may have: a damaged count must not fill memory.
inline constexpr int64_t kMaxForestFeatures = int64_t{1} << 20;
/// The most outputs.
inline constexpr int64_t kMaxForestOutputs = int64_t{1} << 16;

/// One tree of a file. Children and leaf rows count within the tree; what the root does not reach is ignored.
struct FileTree {
  std::string label;  ///< for messages: "tree 3", "tree 3, class 1"
  int32_t root = 0;
  int32_t output = -1;  ///< as ForestTree::output
  std::vector<ForestNode> nodes;
  std::vector<double> leaf_values;  ///< rows of the forest's `leaf_width`
};

/// Adds a tree, parents before their children. Errors: InvalidArgument for a child that is missing or has two parents,
/// and for cycles; the message names the tree and the node.
absl::Status append_tree(const FileTree& tree, Forest& forest);

/// Whether a forest means something: every index in range, every node reached exactly once, leaves and thresholds
/// numbers. Errors: InvalidArgument that names tree and node.
absl::Status verify(const Forest& forest);

/// The model of a file that holds one forest: an input "input", a layer and output "forest".
/// Errors: as verify.
absl::StatusOr<FloatModel> forest_model(Forest forest, const std::string& name, const std::string& framework,
                                        std::map<std::string, std::string> provenance);

}  // namespace strobe::import
