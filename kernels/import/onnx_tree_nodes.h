#pragma once

#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/forest_tree.h"
#include "kernels/import/onnx_graph.h"

/// The two layouts in which ONNX writes the nodes of tree ensembles.
namespace strobe::import::onnx_ir {

/// Names of branch modes; TreeEnsemble (ai.onnx.ml 5) numbers them in this order.
inline constexpr std::array<std::pair<const char*, SplitTest>, 7> kModes = {
    {{"BRANCH_LEQ", SplitTest::kLessEqual},
     {"BRANCH_LT", SplitTest::kLess},
     {"BRANCH_GTE", SplitTest::kGreaterEqual},
     {"BRANCH_GT", SplitTest::kGreater},
     {"BRANCH_EQ", SplitTest::kEqual},
     {"BRANCH_NEQ", SplitTest::kNotEqual},
     {"BRANCH_MEMBER", SplitTest::kInCategories}}};
/// A child that is not there.
inline constexpr int32_t kNowhere = std::numeric_limits<int32_t>::max();

/// What one leaf gives to one output.
struct Contribution {
  int64_t output;
  double value;
};

struct OpenTree {
  FileTree tree;
  std::vector<std::vector<Contribution>> leaves;
};

struct OpenTrees {
  std::vector<OpenTree> trees;
  std::vector<std::vector<int64_t>> category_sets;
};

/// ai.onnx.ml 1 to 3: leaves are nodes, numbered within each tree. With `one_column` all weights are for output 0.
absl::StatusOr<OpenTrees> read_nodes_with_leaves(const Node& node, int32_t outputs, bool one_column);

/// ai.onnx.ml 5: interior nodes only, children among themselves or among the leaves; trees start at `tree_roots`.
absl::StatusOr<OpenTrees> read_interior_nodes(const Node& node, int32_t outputs);

/// Lists of numbers by the name of their attribute.
using NumberLists = std::map<std::string, std::vector<double>>;

/// Adds a list of `count` numbers, as an attribute of its own, or as a tensor (`<key>_as_tensor` before ai.onnx.ml 5);
/// zeros where it is `optional` and not there.
absl::Status read_numbers(const Node& node, const std::string& key, size_t count, bool optional, NumberLists& lists);

/// The length of a list of integers; 0 where there is none.
size_t list_length(const Node& node, const std::string& key);

int32_t feature_of(double id);

/// Where no node tracks NaN, the forest knows no missing values. Where one does, a NaN compares as IEEE has it.
class MissingTracks {
 public:
  explicit MissingTracks(const std::vector<double>& tracks);
  void set(size_t n, ForestNode& node) const;

 private:
  const std::vector<double>& tracks_;
  bool knows_missing_;
};

}  // namespace strobe::import::onnx_ir
