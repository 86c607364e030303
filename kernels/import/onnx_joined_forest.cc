#include "kernels/import/onnx_joined_forest.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/forest_tree.h"

namespace strobe::import::onnx_ir {
namespace {

absl::Status take_features(const TreeSource& source, FileTree& tree) {
  if (source.features.empty()) return absl::OkStatus();
  for (ForestNode& node : tree.nodes) {
    if (node.is_leaf()) continue;
    const auto from = static_cast<size_t>(node.feature);
    const bool exists =
        from < source.features.size() && source.features[from] >= 0 && source.features[from] < kMaxForestFeatures;
    if (!exists)
      return absl::InvalidArgumentError(absl::StrCat(tree.label, ", node ", node.file_id, ": feature ", node.feature,
                                                     " of ", source.features.size(), " does not exist"));
    node.feature = static_cast<int32_t>(source.features[from]);
  }
  return absl::OkStatus();
}

/// Ensembles in the order in which the arithmetic that ends in `output` takes them: a file may list them in another.
std::vector<const Node*> ensembles_behind(const Graph& graph, const std::string& output) {
  std::unordered_map<std::string, const Node*> producers;
  for (const Node& node : graph.nodes) {
    for (const std::string& tensor : node.outputs) producers[tensor] = &node;
  }
  std::vector<const Node*> found;
  std::vector<std::string> waiting = {output};
  std::unordered_set<const Node*> seen;
  while (!waiting.empty()) {
    const auto producer = producers.find(waiting.back());
    waiting.pop_back();
    if (producer == producers.end() || !seen.insert(producer->second).second) continue;
    const Node& node = *producer->second;
    if (node.forest != nullptr) found.push_back(&node);
    waiting.insert(waiting.end(), node.inputs.rbegin(), node.inputs.rend());
  }
  return found;
}

/// The trees of a score, by the order of their ensembles.
std::vector<size_t> trees_in_order(const TreeScore& score, const std::vector<TreeSource>& sources,
                                   const std::vector<const Node*>& ensembles) {
  std::unordered_map<const Node*, size_t> place;
  for (size_t i = 0; i < ensembles.size(); ++i) place[ensembles[i]] = i;
  std::vector<size_t> trees;
  for (const auto& [tree, rows] : score.trees) trees.push_back(tree);
  std::stable_sort(trees.begin(), trees.end(),
                   [&](size_t a, size_t b) { return place[sources[a].node] < place[sources[b].node]; });
  return trees;
}

/// One forest of the trees that a score sums up. Errors: InvalidArgument.
absl::StatusOr<Forest> forest_of(const TreeScore& score, const std::vector<TreeSource>& sources,
                                 const std::vector<const Node*>& ensembles) {
  Forest joined;
  joined.outputs = joined.leaf_width = static_cast<int32_t>(score.columns());
  joined.base = score.constant;
  std::unordered_map<const Node*, int32_t> first_set;
  for (const size_t index : trees_in_order(score, sources, ensembles)) {
    const TreeSource& source = sources[index];
    const auto [sets, is_new] = first_set.try_emplace(source.node, static_cast<int32_t>(joined.category_sets.size()));
    const auto& own_sets = source.forest().category_sets;
    if (is_new) joined.category_sets.insert(joined.category_sets.end(), own_sets.begin(), own_sets.end());
    FileTree tree;
    tree.label = absl::StrCat(source.node->label(), ", tree ", source.tree);
    tree.output = joined.outputs == 1 ? 0 : -1;
    tree.nodes = source.nodes();
    tree.leaf_values = score.trees.at(index);
    for (ForestNode& node : tree.nodes) {
      if (node.categories >= 0) node.categories += sets->second;
    }
    if (absl::Status s = take_features(source, tree); !s.ok()) return s;
    if (absl::Status s = append_tree(tree, joined); !s.ok()) return s;
  }
  return joined;
}

/// The two shares of a pair are a sigmoid of its difference, the margin of a binary classifier.
TreeScore difference_of_pair(const TreeScore& pair) {
  TreeScore difference = pair;
  difference.constant = {pair.constant[1] - pair.constant[0]};
  for (auto& [tree, rows] : difference.trees) {
    for (size_t i = 0; i < rows.size() / 2; ++i) rows[i] = rows[2 * i + 1] - rows[2 * i];
    rows.resize(rows.size() / 2);
  }
  return difference;
}

}  // namespace

std::vector<ForestNode> TreeSource::nodes() const {
  std::vector<ForestNode> own(forest().nodes.begin() + static_cast<std::ptrdiff_t>(first_node()),
                              forest().nodes.begin() + static_cast<std::ptrdiff_t>(end_node()));
  const auto first = static_cast<int32_t>(first_node());
  int32_t leaf = 0;
  for (ForestNode& each : own) {
    if (each.is_leaf()) {
      each.leaf = leaf++;
    } else {
      each.if_true -= first;
      each.if_false -= first;
    }
  }
  return own;
}

absl::StatusOr<Forest> joined_forest(const Graph& graph, const TreeScore& score, const std::string& output,
                                     const std::vector<TreeSource>& sources, std::string& note) {
  const bool shares = score.outer == TreeScore::Outer::kShares;
  const bool pair = shares && score.columns() == 2;
  absl::StatusOr<Forest> forest =
      forest_of(pair ? difference_of_pair(score) : score, sources, ensembles_behind(graph, output));
  if (!forest.ok() || score.outer == TreeScore::Outer::kNone) return forest;
  forest->post = pair ? PostTransform::kSigmoid : shares ? PostTransform::kSoftmax : PostTransform::kExp;
  forest->post_scale = std::log(score.base);
  if (!shares)
    note = absl::StrCat("'", output, "' of the file is ", score.scale, " * ", score.base, "^output + ", score.offset);
  return forest;
}

}  // namespace strobe::import::onnx_ir
