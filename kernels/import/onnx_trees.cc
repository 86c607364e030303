#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/forest_tree.h"
#include "kernels/import/onnx_graph.h"

namespace strobe::import::onnx_ir {
namespace {

/// Names of branch modes; TreeEnsemble (ai.onnx.ml 5) numbers them in this order.
constexpr std::array<std::pair<const char*, SplitTest>, 7> kModes = {{{"BRANCH_LEQ", SplitTest::kLessEqual},
                                                                      {"BRANCH_LT", SplitTest::kLess},
                                                                      {"BRANCH_GTE", SplitTest::kGreaterEqual},
                                                                      {"BRANCH_GT", SplitTest::kGreater},
                                                                      {"BRANCH_EQ", SplitTest::kEqual},
                                                                      {"BRANCH_NEQ", SplitTest::kNotEqual},
                                                                      {"BRANCH_MEMBER", SplitTest::kInCategories}}};
constexpr int32_t kNowhere = std::numeric_limits<int32_t>::max();

/// What one leaf gives to one output.
struct Contribution {
  int64_t output;
  double value;
};

struct OpenTree {
  FileTree tree;
  std::vector<std::vector<Contribution>> leaves;
};

class Reader {
 public:
  explicit Reader(const Node& node) : node_(node) {}

  absl::StatusOr<Forest> read() {
    for (auto step : {&Reader::read_header, &Reader::read_nodes, &Reader::finish}) {
      if (absl::Status s = (this->*step)(); !s.ok())
        return absl::Status(s.code(), absl::StrCat(node_.label(), ": ", s.message()));
    }
    return std::move(forest_);
  }

 private:
  /// A list of numbers, as an attribute of its own, or as a tensor (`<key>_as_tensor` before ai.onnx.ml 5).
  absl::StatusOr<std::vector<double>> numbers(const std::string& key, size_t count, bool optional = false) const {
    std::vector<double> list;
    if (const auto* reals = node_.attribute<std::vector<double>>(key)) list = *reals;
    if (const auto* integers = node_.attribute<std::vector<int64_t>>(key))
      list.assign(integers->begin(), integers->end());
    for (const std::string& name : {key, key + "_as_tensor"}) {
      if (const ValuePtr* tensor = node_.attribute<ValuePtr>(name)) list = (*tensor)->data;
    }
    if (list.empty() && optional) return std::vector<double>(count, 0);
    if (list.size() != count)
      return absl::InvalidArgumentError(absl::StrCat(key, ": expected ", count, " numbers, found ", list.size()));
    return list;
  }

  size_t length(const std::string& key) const {
    const auto* list = node_.attribute<std::vector<int64_t>>(key);
    return list == nullptr ? 0 : list->size();
  }

  absl::Status read_header() {
    is_v5_ = node_.op == "TreeEnsemble";
    int64_t outputs = node_.integer("n_targets", 1);
    if (node_.op == "TreeEnsembleClassifier") {
      const auto* names = node_.attribute<std::vector<std::string>>("classlabels_strings");
      outputs = static_cast<int64_t>(names != nullptr ? names->size() : length("classlabels_int64s"));
      // One column of weights for two classes: the margin of the second.
      const auto* ids = node_.attribute<std::vector<int64_t>>("class_ids");
      one_column_ = outputs == 2 && ids != nullptr && std::set<int64_t>(ids->begin(), ids->end()).size() == 1;
      if (one_column_) outputs = 1;
    }
    if (outputs < 1 || outputs > kMaxForestOutputs)
      return absl::InvalidArgumentError(absl::StrCat("expected 1 to ", kMaxForestOutputs, " outputs, found ", outputs));
    forest_.outputs = static_cast<int32_t>(outputs);
    if (absl::Status s = read_base(); !s.ok()) return s;
    if (absl::Status s = read_aggregation(); !s.ok()) return s;
    return read_post_transform();
  }

  absl::Status read_base() {
    const auto count = static_cast<size_t>(forest_.outputs);
    const auto* plain = node_.attribute<std::vector<double>>("base_values");
    const auto* tensor = node_.attribute<ValuePtr>("base_values_as_tensor");
    std::vector<double> base = plain != nullptr ? *plain : tensor != nullptr ? (*tensor)->data : std::vector<double>();
    if (base.empty()) base.assign(count, 0);
    if (one_column_ && base.size() == 2) base.erase(base.begin());
    if (base.size() == 1) base.resize(count, base[0]);
    if (base.size() != count)
      return absl::InvalidArgumentError(absl::StrCat("base_values: expected ", count, ", found ", base.size()));
    forest_.base = std::move(base);
    return absl::OkStatus();
  }

  absl::Status read_aggregation() {
    static constexpr std::array<std::pair<const char*, Aggregation>, 4> kNames = {{{"AVERAGE", Aggregation::kAverage},
                                                                                   {"SUM", Aggregation::kSum},
                                                                                   {"MIN", Aggregation::kMinimum},
                                                                                   {"MAX", Aggregation::kMaximum}}};
    const int64_t number = node_.integer("aggregate_function", 1);
    const std::string name = is_v5_ ? (number >= 0 && number < 4 ? kNames[static_cast<size_t>(number)].first : "")
                                    : node_.text("aggregate_function", "SUM");
    for (const auto& [key, aggregation] : kNames) {
      if (name != key) continue;
      forest_.aggregation = aggregation;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("aggregate_function '", name, "' is not known"));
  }

  absl::Status read_post_transform() {
    static constexpr std::array<std::pair<const char*, PostTransform>, 5> kNames = {
        {{"NONE", PostTransform::kNone},
         {"SOFTMAX", PostTransform::kSoftmax},
         {"LOGISTIC", PostTransform::kSigmoid},
         {"SOFTMAX_ZERO", PostTransform::kSoftmaxZero},
         {"PROBIT", PostTransform::kProbit}}};
    const int64_t number = node_.integer("post_transform", 0);
    const std::string name = is_v5_ ? (number >= 0 && number < 5 ? kNames[static_cast<size_t>(number)].first : "")
                                    : node_.text("post_transform", "NONE");
    for (const auto& [key, post] : kNames) {
      if (name != key) continue;
      forest_.post = post;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("post_transform '", name, "' is not known"));
  }

  absl::Status read_nodes() { return is_v5_ ? read_interior_nodes() : read_all_nodes(); }

  static int32_t feature_of(double id) {
    return id >= 0 && id < kMaxForestFeatures ? static_cast<int32_t>(id) : kNowhere;
  }

  /// Where no node tracks NaN, the forest knows no missing values. Where one does, a NaN compares as IEEE has it.
  void set_missing(const std::vector<double>& tracks, size_t n, ForestNode& node) const {
    if (!knows_missing_) return;
    node.missing = MissingValues::kNan;
    node.missing_goes_true = tracks[n] != 0 || node.test == SplitTest::kNotEqual;
  }

  /// ai.onnx.ml 1 to 3: leaves are nodes, numbered within each tree.
  absl::Status read_all_nodes() {
    const size_t count = length("nodes_treeids");
    if (count == 0) return absl::InvalidArgumentError("has no node (nodes_treeids is empty)");
    std::map<std::string, std::vector<double>> lists;
    for (const char* key : {"nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_truenodeids",
                            "nodes_falsenodeids", "nodes_missing_value_tracks_true"}) {
      auto list = numbers(key, count, std::string(key) == "nodes_missing_value_tracks_true");
      if (!list.ok()) return list.status();
      lists[key] = *std::move(list);
    }
    const auto* modes = node_.attribute<std::vector<std::string>>("nodes_modes");
    if (modes == nullptr || modes->size() != count)
      return absl::InvalidArgumentError(
          absl::StrCat("nodes_modes: expected ", count, " texts, found ", modes == nullptr ? 0 : modes->size()));
    const auto& tracks = lists["nodes_missing_value_tracks_true"];
    knows_missing_ = std::any_of(tracks.begin(), tracks.end(), [](double t) { return t != 0; });
    place_nodes(lists["nodes_treeids"], lists["nodes_nodeids"]);
    for (size_t n = 0; n < count; ++n) {
      const size_t t = tree_index_.at(lists["nodes_treeids"][n]);
      OpenTree& open = trees_[t];
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
        set_missing(tracks, n, node);
      }
      open.tree.nodes.push_back(node);
    }
    if (absl::Status s = find_roots(); !s.ok()) return s;
    return read_weights();
  }

  struct Place {
    size_t at;      ///< in the file's lists
    int32_t local;  ///< in its tree
  };

  void place_nodes(const std::vector<double>& tree_ids, const std::vector<double>& node_ids) {
    std::vector<int32_t> sizes;
    for (size_t n = 0; n < tree_ids.size(); ++n) {
      const auto [tree, is_new] = tree_index_.try_emplace(tree_ids[n], trees_.size());
      if (is_new) {
        trees_.emplace_back();
        trees_.back().tree.label = absl::StrCat("tree ", tree_ids[n]);
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
    for (OpenTree& open : trees_) {
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
    const size_t count = length(prefix + "ids");
    std::map<std::string, std::vector<double>> lists;
    for (const char* key : {"treeids", "nodeids", "ids", "weights"}) {
      auto list = numbers(prefix + key, count);
      if (!list.ok()) return list.status();
      lists[key] = *std::move(list);
    }
    for (size_t i = 0; i < count; ++i) {
      const auto tree = tree_index_.find(lists["treeids"][i]);
      const int32_t at = tree == tree_index_.end() ? kNowhere : local_index(tree->second, lists["nodeids"][i]);
      const std::string label = absl::StrCat("tree ", lists["treeids"][i], ", node ", lists["nodeids"][i]);
      if (at == kNowhere) return absl::InvalidArgumentError(absl::StrCat(label, ": has a weight and does not exist"));
      const ForestNode& node = trees_[tree->second].tree.nodes[static_cast<size_t>(at)];
      if (!node.is_leaf()) return absl::InvalidArgumentError(absl::StrCat(label, ": has a weight and is no leaf"));
      const double output = one_column_ ? 0 : lists["ids"][i];
      if (!(output >= 0 && output < forest_.outputs))
        return absl::InvalidArgumentError(
            absl::StrCat(label, ": gives to output ", output, ", there are ", forest_.outputs));
      trees_[tree->second].leaves[static_cast<size_t>(node.leaf)].push_back(
          {static_cast<int64_t>(output), lists["weights"][i]});
    }
    return absl::OkStatus();
  }

  /// ai.onnx.ml 5: interior nodes only, children among themselves or among the leaves; trees start at `tree_roots`.
  absl::Status read_interior_nodes() {
    const size_t count = length("nodes_featureids"), leaves = length("leaf_targetids");
    std::map<std::string, std::vector<double>> lists;
    for (const char* key :
         {"nodes_featureids", "nodes_splits", "nodes_modes", "nodes_truenodeids", "nodes_falsenodeids",
          "nodes_trueleafs", "nodes_falseleafs", "nodes_missing_value_tracks_true"}) {
      auto list = numbers(key, count, std::string(key) == "nodes_missing_value_tracks_true");
      if (!list.ok()) return list.status();
      lists[key] = *std::move(list);
    }
    for (const char* key : {"leaf_targetids", "leaf_weights"}) {
      auto list = numbers(key, leaves);
      if (!list.ok()) return list.status();
      lists[key] = *std::move(list);
    }
    const auto& tracks = lists["nodes_missing_value_tracks_true"];
    knows_missing_ = std::any_of(tracks.begin(), tracks.end(), [](double t) { return t != 0; });
    if (absl::Status s = read_members(lists["nodes_modes"]); !s.ok()) return s;
    auto roots = numbers("tree_roots", length("tree_roots"));
    if (!roots.ok()) return roots.status();
    std::vector<bool> used(count);
    for (size_t t = 0; t < roots->size(); ++t) {
      OpenTree open;
      open.tree.label = absl::StrCat("tree ", t);
      if (absl::Status s = gather(lists, (*roots)[t], used, open); !s.ok()) return s;
      trees_.push_back(std::move(open));
    }
    return absl::OkStatus();
  }

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
      set_of_[n] = static_cast<int32_t>(forest_.category_sets.size());
      forest_.category_sets.push_back(std::move(set));
    }
    return absl::OkStatus();
  }

  /// Copies the nodes under a root out of the common lists. No node may be reached twice.
  absl::Status gather(const std::map<std::string, std::vector<double>>& lists, double root, std::vector<bool>& used,
                      OpenTree& open) {
    const size_t count = lists.at("nodes_modes").size();
    std::vector<size_t> source;  // of each node of the tree; those are appended while the loop runs
    const auto add_node = [&](double id, int32_t& child) -> absl::Status {
      if (!(id >= 0 && id < static_cast<double>(count)))
        return absl::InvalidArgumentError(absl::StrCat(open.tree.label, ": node ", id, " does not exist"));
      const auto n = static_cast<size_t>(id);
      if (used[n])
        return absl::InvalidArgumentError(
            absl::StrCat(open.tree.label, ": node ", n, " is reached twice (a cycle or a shared child)"));
      used[n] = true;
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
      const double mode = lists.at("nodes_modes")[n];
      if (!(mode >= 0 && mode <= 6))
        return absl::InvalidArgumentError(absl::StrCat(open.tree.label, ", node ", n, ": unknown mode ", mode));
      node.test = kModes[static_cast<size_t>(mode)].second;
      node.feature = feature_of(lists.at("nodes_featureids")[n]);
      node.threshold = node.test == SplitTest::kInCategories ? 0 : lists.at("nodes_splits")[n];
      node.categories = set_of_[n];
      set_missing(lists.at("nodes_missing_value_tracks_true"), n, node);
      for (const auto& [ids, leafs, child] : {std::tuple("nodes_truenodeids", "nodes_trueleafs", &node.if_true),
                                              std::tuple("nodes_falsenodeids", "nodes_falseleafs", &node.if_false)}) {
        const double id = lists.at(ids)[n];
        if (lists.at(leafs)[n] == 0) {
          if (absl::Status s = add_node(id, *child); !s.ok()) return s;
          continue;
        }
        if (absl::Status s = add_leaf(lists, n, id, open, *child); !s.ok()) return s;
        source.push_back(0);
      }
      open.tree.nodes[at] = node;
    }
    return absl::OkStatus();
  }

  absl::Status add_leaf(const std::map<std::string, std::vector<double>>& lists, size_t n, double id, OpenTree& open,
                        int32_t& child) const {
    const auto& targets = lists.at("leaf_targetids");
    const bool exists = id >= 0 && id < static_cast<double>(targets.size());
    if (!exists || !(targets[static_cast<size_t>(id)] >= 0 && targets[static_cast<size_t>(id)] < forest_.outputs))
      return absl::InvalidArgumentError(
          absl::StrCat(open.tree.label, ", node ", n, ": leaf ", id, " does not exist, or gives to no output"));
    ForestNode leaf;
    leaf.leaf = static_cast<int32_t>(open.leaves.size());
    leaf.file_id = static_cast<int32_t>(id);
    const auto at = static_cast<size_t>(id);
    open.leaves.push_back({{static_cast<int64_t>(targets[at]), lists.at("leaf_weights")[at]}});
    child = static_cast<int32_t>(open.tree.nodes.size());
    open.tree.nodes.push_back(leaf);
    return absl::OkStatus();
  }

  /// Trees that give to one output each have leaves of one value; if one gives to several, all have rows.
  absl::Status finish() {
    if (trees_.empty()) return absl::InvalidArgumentError("has no tree");
    bool narrow = true;
    size_t leaves = 0;
    for (OpenTree& open : trees_) {
      std::set<int64_t> outputs;
      for (const auto& leaf : open.leaves) {
        for (const Contribution& c : leaf) outputs.insert(c.output);
      }
      narrow = narrow && outputs.size() <= 1;
      open.tree.output = outputs.empty() ? 0 : static_cast<int32_t>(*outputs.begin());
      leaves += open.leaves.size();
    }
    forest_.leaf_width = narrow ? 1 : forest_.outputs;
    if (static_cast<int64_t>(leaves) > kMaxElements / forest_.leaf_width)
      return absl::InvalidArgumentError(
          absl::StrCat(leaves, " leaves of ", forest_.leaf_width, " values are too many"));
    for (OpenTree& open : trees_) {
      if (absl::Status s = fill_leaves(open, narrow); !s.ok()) return s;
      if (absl::Status s = append_tree(open.tree, forest_); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status fill_leaves(OpenTree& open, bool narrow) const {
    const auto width = static_cast<size_t>(forest_.leaf_width);
    const bool extreme = forest_.aggregation == Aggregation::kMinimum || forest_.aggregation == Aggregation::kMaximum;
    open.tree.leaf_values.assign(open.leaves.size() * width, 0);
    if (!narrow) open.tree.output = -1;
    for (size_t leaf = 0; leaf < open.leaves.size(); ++leaf) {
      if (extreme && open.leaves[leaf].size() != width)
        return absl::UnimplementedError(
            absl::StrCat(open.tree.label, ": a leaf gives to ", open.leaves[leaf].size(), " of ", width,
                         " outputs; with MIN and MAX strobe reads leaves that give to each once"));
      for (const Contribution& c : open.leaves[leaf])
        open.tree.leaf_values[leaf * width + (narrow ? 0 : static_cast<size_t>(c.output))] += c.value;
    }
    return absl::OkStatus();
  }

  const Node& node_;
  bool is_v5_ = false, one_column_ = false, knows_missing_ = false;
  Forest forest_;
  std::vector<OpenTree> trees_;
  std::map<double, size_t> tree_index_;
  std::map<std::pair<size_t, double>, Place> position_;
  std::vector<int32_t> set_of_;
};

bool makes_labels(const Node& node) {
  return node.op == "ArgMax" || node.op == "LabelEncoder" || node.op == "ArrayFeatureExtractor";
}

/// Drops graph outputs that are labels, and the nodes that make them. Labels are a classifier's first result, and what
/// is computed from them or by an operator that picks classes.
void drop_labels(Graph& graph, const std::unordered_set<std::string>& first_results) {
  std::unordered_set<std::string> labels = first_results;
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    const bool label = makes_labels(node) || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                         [&](const std::string& i) { return labels.contains(i); });
    if (!label) {
      kept.push_back(std::move(node));
      continue;
    }
    labels.insert(node.outputs.begin(), node.outputs.end());
  }
  graph.nodes = std::move(kept);
  std::erase_if(graph.outputs, [&](const std::string& output) { return labels.contains(output); });
}

/// ZipMap names the columns of its input; Normalizer right behind a forest becomes the forest's post transform.
absl::Status absorb_neighbours(Graph& graph) {
  std::unordered_map<std::string, size_t> forests;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    Node& node = graph.nodes[n];
    if (node.forest != nullptr) forests[node.outputs[0]] = n;
    if (node.op == "ZipMap") {
      node.op = "Identity";
      node.domain.clear();
    }
    const auto source = forests.find(node.input(0));
    if (source == forests.end()) continue;
    if (node.op == "Identity" || node.op == "Cast") forests[node.outputs[0]] = source->second;
    if (node.op != "Normalizer") continue;
    const Forest& from = *graph.nodes[source->second].forest;
    const std::string norm = node.text("norm", "MAX");
    if (norm != "L1" || from.post != PostTransform::kNone)
      return absl::UnimplementedError(absl::StrCat(node.label(), " with norm ", norm,
                                                   "; behind a forest strobe reads L1 without a post transform"));
    Forest normalised = from;
    normalised.post = PostTransform::kNormalise;
    graph.nodes[source->second].forest = std::make_shared<const Forest>(std::move(normalised));
    node.op = "Identity";
    node.domain.clear();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Forest> read_forest(const Node& node) { return Reader(node).read(); }

bool is_tree_ensemble(const Node& node) {
  return node.domain == "ai.onnx.ml" &&
         (node.op == "TreeEnsembleClassifier" || node.op == "TreeEnsembleRegressor" || node.op == "TreeEnsemble");
}

absl::Status read_trees(Graph& graph, std::string& note) {
  size_t count = 0;
  std::unordered_set<std::string> labels;
  for (Node& node : graph.nodes) {
    if (!is_tree_ensemble(node)) continue;
    absl::StatusOr<Forest> forest = read_forest(node);
    if (!forest.ok()) return forest.status();
    node.forest = std::make_shared<const Forest>(*std::move(forest));
    node.attributes.clear();
    node.domain.clear();
    ++count;
    if (node.op != "TreeEnsembleClassifier") continue;
    if (node.outputs.size() < 2 || node.outputs[1].empty())
      return absl::UnimplementedError(absl::StrCat(node.label(), ": gives labels only; expected scores as well"));
    labels.insert(node.outputs[0]);
    node.outputs = {node.outputs[1]};
  }
  if (count == 0) return absl::OkStatus();
  if (count > 1) {
    if (absl::Status s = join_trees(graph, note); !s.ok()) return s;
  }
  drop_labels(graph, labels);
  return absorb_neighbours(graph);
}

}  // namespace strobe::import::onnx_ir
