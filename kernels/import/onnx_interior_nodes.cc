#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/import/onnx_tree_nodes.h"

namespace strobe::import::onnx_ir {
namespace {

class Reader {
 public:
  Reader(const Node& node, int32_t outputs) : node_(node), outputs_(outputs) {}

  absl::StatusOr<OpenTrees> read() {
    const size_t count = list_length(node_, "nodes_featureids"), leaves = list_length(node_, "leaf_targetids");
    for (const char* key :
         {"nodes_featureids", "nodes_splits", "nodes_modes", "nodes_truenodeids", "nodes_falsenodeids",
          "nodes_trueleafs", "nodes_falseleafs", "nodes_missing_value_tracks_true"}) {
      const bool optional = std::string(key) == "nodes_missing_value_tracks_true";
      if (absl::Status s = read_numbers(node_, key, count, optional, lists_); !s.ok()) return s;
    }
    for (const char* key : {"leaf_targetids", "leaf_weights"}) {
      if (absl::Status s = read_numbers(node_, key, leaves, false, lists_); !s.ok()) return s;
    }
    const size_t roots = list_length(node_, "tree_roots");
    if (absl::Status s = read_numbers(node_, "tree_roots", roots, false, lists_); !s.ok()) return s;
    if (absl::Status s = read_members(lists_["nodes_modes"]); !s.ok()) return s;
    const MissingTracks tracks(lists_["nodes_missing_value_tracks_true"]);
    used_.assign(count, false);
    for (size_t t = 0; t < roots; ++t) {
      OpenTree open;
      open.tree.label = absl::StrCat("tree ", t);
      if (absl::Status s = gather(lists_["tree_roots"][t], tracks, open); !s.ok()) return s;
      result_.trees.push_back(std::move(open));
    }
    return std::move(result_);
  }

 private:
  /// Member sets, in the order of the nodes that have one, each closed by a NaN.
  absl::Status read_members(const std::vector<double>& modes) {
    const auto* tensor = node_.attribute<ValuePtr>("membership_values");
    const std::vector<double> values = tensor == nullptr ? std::vector<double>() : (*tensor)->data;
    size_t at = 0;
    set_of_.assign(modes.size(), -1);
    for (size_t n = 0; n < modes.size(); ++n) {
      if (modes[n] != 6) continue;
      std::vector<int64_t> set;
      for (; at < values.size() && !std::isnan(values[at]); ++at) {
        if (values[at] != std::trunc(values[at]) || !(std::fabs(values[at]) < 9007199254740992.0))
          return absl::UnimplementedError(
              absl::StrCat("node ", n, ": member ", values[at], "; strobe knows sets of whole numbers"));
        set.push_back(static_cast<int64_t>(values[at]));
      }
      if (at++ >= values.size() && set.empty())
        return absl::InvalidArgumentError(absl::StrCat("node ", n, ": no membership_values are left for it"));
      std::sort(set.begin(), set.end());
      set.erase(std::unique(set.begin(), set.end()), set.end());
      set_of_[n] = static_cast<int32_t>(result_.category_sets.size());
      result_.category_sets.push_back(std::move(set));
    }
    return absl::OkStatus();
  }

  /// Copies the nodes under a root out of the common lists. No node may be reached twice.
  absl::Status gather(double root, const MissingTracks& tracks, OpenTree& open) {
    const size_t count = lists_.at("nodes_modes").size();
    std::vector<size_t> source;  // of each node of the tree; those are appended while the loop runs
    const auto add_node = [&](double id, int32_t& child) -> absl::Status {
      if (!(id >= 0 && id < static_cast<double>(count)))
        return absl::InvalidArgumentError(absl::StrCat(open.tree.label, ": node ", id, " does not exist"));
      const auto n = static_cast<size_t>(id);
      if (used_[n])
        return absl::InvalidArgumentError(
            absl::StrCat(open.tree.label, ": node ", n, " is reached twice (a cycle or a shared child)"));
      used_[n] = true;
      child = static_cast<int32_t>(open.tree.nodes.size());
      open.tree.nodes.emplace_back();
      source.push_back(n);
      return absl::OkStatus();
    };
    int32_t first = 0;
    if (absl::Status s = add_node(root, first); !s.ok()) return s;
    for (size_t at = 0; at < open.tree.nodes.size(); ++at) {
      if (open.tree.nodes[at].is_leaf()) continue;
      const size_t n = source[at];
      ForestNode node;
      node.file_id = static_cast<int32_t>(n);
      const double mode = lists_.at("nodes_modes")[n];
      if (!(mode >= 0 && mode <= 6))
        return absl::InvalidArgumentError(absl::StrCat(open.tree.label, ", node ", n, ": unknown mode ", mode));
      node.test = kModes[static_cast<size_t>(mode)].second;
      node.feature = feature_of(lists_.at("nodes_featureids")[n]);
      node.threshold = node.test == SplitTest::kInCategories ? 0 : lists_.at("nodes_splits")[n];
      node.categories = set_of_[n];
      tracks.set(n, node);
      for (const auto& [ids, leafs, child] : {std::tuple("nodes_truenodeids", "nodes_trueleafs", &node.if_true),
                                              std::tuple("nodes_falsenodeids", "nodes_falseleafs", &node.if_false)}) {
        const double id = lists_.at(ids)[n];
        if (lists_.at(leafs)[n] == 0) {
          if (absl::Status s = add_node(id, *child); !s.ok()) return s;
          continue;
        }
        if (absl::Status s = add_leaf(n, id, open, *child); !s.ok()) return s;
        source.push_back(0);
      }
      open.tree.nodes[at] = node;
    }
    return absl::OkStatus();
  }

  absl::Status add_leaf(size_t n, double id, OpenTree& open, int32_t& child) const {
    const auto& targets = lists_.at("leaf_targetids");
    const bool exists = id >= 0 && id < static_cast<double>(targets.size());
    if (!exists || !(targets[static_cast<size_t>(id)] >= 0 && targets[static_cast<size_t>(id)] < outputs_))
      return absl::InvalidArgumentError(
          absl::StrCat(open.tree.label, ", node ", n, ": leaf ", id, " does not exist, or gives to no output"));
    ForestNode leaf;
    leaf.leaf = static_cast<int32_t>(open.leaves.size());
    leaf.file_id = static_cast<int32_t>(id);
    const auto at = static_cast<size_t>(id);
    open.leaves.push_back({{static_cast<int64_t>(targets[at]), lists_.at("leaf_weights")[at]}});
    child = static_cast<int32_t>(open.tree.nodes.size());
    open.tree.nodes.push_back(leaf);
    return absl::OkStatus();
  }

  const Node& node_;
  int32_t outputs_;
  NumberLists lists_;
  OpenTrees result_;
  std::vector<int32_t> set_of_;  ///< of each node, -1: none
  std::vector<bool> used_;
};

}  // namespace

absl::StatusOr<OpenTrees> read_interior_nodes(const Node& node, int32_t outputs) {
  return Reader(node, outputs).read();
}

}  // namespace strobe::import::onnx_ir
