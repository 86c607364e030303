#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/import/onnx_tree_nodes.h"

namespace strobe::import::onnx_ir {
namespace {

class Reader {
 public:
  Reader(const Node& node, int32_t outputs, bool one_column)
      : node_(node), outputs_(outputs), one_column_(one_column) {}

  absl::StatusOr<OpenTrees> read() {
    if (absl::Status s = read_all_nodes(); !s.ok()) return s;
    if (absl::Status s = find_roots(); !s.ok()) return s;
    if (absl::Status s = read_weights(); !s.ok()) return s;
    return std::move(result_);
  }

 private:
  absl::Status read_all_nodes() {
    const size_t count = list_length(node_, "nodes_treeids");
    if (count == 0) return absl::InvalidArgumentError("has no node (nodes_treeids is empty)");
    NumberLists lists;
    for (const char* key : {"nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_truenodeids",
                            "nodes_falsenodeids", "nodes_missing_value_tracks_true"}) {
      const bool optional = std::string(key) == "nodes_missing_value_tracks_true";
      if (absl::Status s = read_numbers(node_, key, count, optional, lists); !s.ok()) return s;
    }
    const auto* modes = node_.attribute<std::vector<std::string>>("nodes_modes");
    if (modes == nullptr || modes->size() != count)
      return absl::InvalidArgumentError(
          absl::StrCat("nodes_modes: expected ", count, " texts, found ", modes == nullptr ? 0 : modes->size()));
    const MissingTracks tracks(lists["nodes_missing_value_tracks_true"]);
    place_nodes(lists["nodes_treeids"], lists["nodes_nodeids"]);
    for (size_t n = 0; n < count; ++n) {
      const size_t t = tree_index_.at(lists["nodes_treeids"][n]);
      OpenTree& open = result_.trees[t];
      ForestNode node;
      const double id = lists["nodes_nodeids"][n];
      node.file_id = std::fabs(id) < kNowhere ? static_cast<int32_t>(id) : -1;
      if (n != position_.at({t, id}).at)
        return absl::InvalidArgumentError(absl::StrCat(open.tree.label, ", node ", id, ": is listed twice"));
      if ((*modes)[n] == "LEAF") {
        node.leaf = static_cast<int32_t>(open.leaves.size());
        open.leaves.emplace_back();
      } else {
        const auto mode =
            std::find_if(kModes.begin(), kModes.end(), [&](const auto& m) { return (*modes)[n] == m.first; });
        if (mode == kModes.end() || mode->second == SplitTest::kInCategories)
          return absl::InvalidArgumentError(
              absl::StrCat(open.tree.label, ", node ", id, ": unknown mode '", (*modes)[n], "'"));
        node.test = mode->second;
        node.feature = feature_of(lists["nodes_featureids"][n]);
        node.threshold = lists["nodes_values"][n];
        node.if_true = local_index(t, lists["nodes_truenodeids"][n]);
        node.if_false = local_index(t, lists["nodes_falsenodeids"][n]);
        tracks.set(n, node);
      }
      open.tree.nodes.push_back(node);
    }
    return absl::OkStatus();
  }

  struct Place {
    size_t at;      ///< in the file's lists
    int32_t local;  ///< in its tree
  };

  void place_nodes(const std::vector<double>& tree_ids, const std::vector<double>& node_ids) {
    std::vector<int32_t> sizes;
    for (size_t n = 0; n < tree_ids.size(); ++n) {
      const auto [tree, is_new] = tree_index_.try_emplace(tree_ids[n], result_.trees.size());
      if (is_new) {
        result_.trees.emplace_back();
        result_.trees.back().tree.label = absl::StrCat("tree ", tree_ids[n]);
        sizes.push_back(0);
      }
      position_.try_emplace({tree->second, node_ids[n]}, Place{n, sizes[tree->second]++});
    }
  }

  int32_t local_index(size_t tree, double id) const {
    const auto found = position_.find({tree, id});
    return found == position_.end() ? kNowhere : found->second.local;
  }

  absl::Status find_roots() {
    for (OpenTree& open : result_.trees) {
      std::vector<bool> has_parent(open.tree.nodes.size());
      for (const ForestNode& node : open.tree.nodes) {
        for (const int32_t child : {node.if_true, node.if_false}) {
          if (child >= 0 && static_cast<size_t>(child) < has_parent.size()) has_parent[child] = true;
        }
      }
      const auto root = std::find(has_parent.begin(), has_parent.end(), false);
      if (root == has_parent.end())
        return absl::InvalidArgumentError(
            absl::StrCat(open.tree.label, ": has no root, every node is another's child"));
      open.tree.root = static_cast<int32_t>(root - has_parent.begin());
    }
    return absl::OkStatus();
  }

  absl::Status read_weights() {
    const std::string prefix = node_.op == "TreeEnsembleClassifier" ? "class_" : "target_";
    const size_t count = list_length(node_, prefix + "ids");
    NumberLists lists;
    for (const char* key : {"treeids", "nodeids", "ids", "weights"}) {
      if (absl::Status s = read_numbers(node_, prefix + key, count, false, lists); !s.ok()) return s;
    }
    const auto &trees = lists[prefix + "treeids"], &nodes = lists[prefix + "nodeids"], &ids = lists[prefix + "ids"],
               &weights = lists[prefix + "weights"];
    for (size_t i = 0; i < count; ++i) {
      const auto tree = tree_index_.find(trees[i]);
      const int32_t at = tree == tree_index_.end() ? kNowhere : local_index(tree->second, nodes[i]);
      const std::string label = absl::StrCat("tree ", trees[i], ", node ", nodes[i]);
      if (at == kNowhere) return absl::InvalidArgumentError(absl::StrCat(label, ": has a weight and does not exist"));
      const ForestNode& node = result_.trees[tree->second].tree.nodes[static_cast<size_t>(at)];
      if (!node.is_leaf()) return absl::InvalidArgumentError(absl::StrCat(label, ": has a weight and is no leaf"));
      const double output = one_column_ ? 0 : ids[i];
      if (!(output >= 0 && output < outputs_))
        return absl::InvalidArgumentError(absl::StrCat(label, ": gives to output ", output, ", there are ", outputs_));
      result_.trees[tree->second].leaves[static_cast<size_t>(node.leaf)].push_back(
          {static_cast<int64_t>(output), weights[i]});
    }
    return absl::OkStatus();
  }

  const Node& node_;
  int32_t outputs_;
  bool one_column_;
  OpenTrees result_;
  std::map<double, size_t> tree_index_;
  std::map<std::pair<size_t, double>, Place> position_;
};

}  // namespace

absl::StatusOr<OpenTrees> read_nodes_with_leaves(const Node& node, int32_t outputs, bool one_column) {
  return Reader(node, outputs, one_column).read();
}

}  // namespace strobe::import::onnx_ir
