#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/forest.h"
#include "kernels/import/onnx_graph.h"
#include "kernels/import/onnx_tree_scores.h"

namespace strobe::import::onnx_ir {

/// A tree of an ensemble: nodes and leaf rows are consecutive in its forest, the root first.
struct TreeSource {
  const Node* node;
  size_t tree;
  std::string tensor;             ///< a graph input
  std::vector<int64_t> features;  ///< the feature that each of the tree's stands for; empty: itself

  const Forest& forest() const { return *node->forest; }
  size_t first_node() const { return static_cast<size_t>(forest().trees[tree].root); }
  size_t end_node() const {
    return tree + 1 < forest().trees.size() ? static_cast<size_t>(forest().trees[tree + 1].root)
                                            : forest().nodes.size();
  }
  /// The tree alone, its leaves numbered from 0.
  std::vector<ForestNode> nodes() const;
};

/// The forest of a score that tensor `output` has: its trees, numbered as in `sources`, in the order in which the
/// arithmetic takes their ensembles; its outer function as output transform, a pair of shares as the sigmoid of one
/// margin. What an output transform cannot say goes into `note`. Errors: InvalidArgument.
absl::StatusOr<Forest> joined_forest(const Graph& graph, const TreeScore& score, const std::string& output,
                                     const std::vector<TreeSource>& sources, std::string& note);

}  // namespace strobe::import::onnx_ir
