#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/onnx_joined_forest.h"

/// One forest of many ensembles. scikit-learn's converter writes an isolation forest as one ensemble a tree, whose
/// result (the number of a leaf) becomes a path length by tables and elementwise operators; and AdaBoost as one a tree,
/// whose votes are weighted and summed. Whatever depends on one tree alone has a value per leaf; a sum of such values
/// is a forest again.
namespace strobe::import::onnx_ir {
namespace {

/// Operators of whose inputs only the first has numbers of an event; the rest are parameters.
bool has_parameters(const std::string& op) {
  static constexpr std::array<const char*, 6> kOps = {
      "Reshape", "ReduceSum", "ReduceMean", "Gather", "ArrayFeatureExtractor", "Clip"};
  return std::find(kOps.begin(), kOps.end(), op) != kOps.end();
}

class Joiner {
 public:
  explicit Joiner(const Graph& graph) : graph_(graph) {
    for (const Port& port : graph.inputs) inputs_[port.name] = {port.name, {}};
  }

  /// Follows every node. A tensor without an entry in `scores_` is none that this arithmetic knows.
  void follow() {
    for (const Node& node : graph_.nodes) {
      if (node.outputs.empty() || follow_input(node) || follow_shape(node) || follow_bound(node) || follow_stack(node))
        continue;
      std::optional<TreeScore> score = node.forest != nullptr ? ensemble_score(node) : evaluate(node);
      if (!score) continue;
      work_ += score->size();
      if (work_ > kMaxElements) return;
      scores_[node.outputs[0]] = *std::move(score);
    }
  }

  const TreeScore* score(const std::string& tensor) const {
    const auto found = scores_.find(tensor);
    return found == scores_.end() ? nullptr : &found->second;
  }
  const std::vector<TreeSource>& sources() const { return sources_; }

 private:
  /// Columns of an input, and the input as another type of number.
  bool follow_input(const Node& node) {
    const auto input = inputs_.find(node.input(0));
    if (input == inputs_.end() || !input->second.second.empty()) return false;
    const int64_t type = node.op == "Cast" ? node.integer("to", 0) : 0;
    constexpr int64_t kFloat = 1;
    if (node.op == "Identity" || type == kFloat) {
      inputs_[node.outputs[0]] = input->second;
      return true;
    }
    const Value* index = graph_.constant(node.input(1));
    if (node.op != "Gather" || index == nullptr || node.integer("axis", 0) != 1) return false;
    auto features = integers_of(*index, node);
    if (!features.ok()) return false;
    inputs_[node.outputs[0]] = {input->second.first, *std::move(features)};
    return true;
  }

  /// A constant in the shape of a score is as many numbers an event.
  bool follow_shape(const Node& node) {
    if (node.op == "Shape") {
      if (const TreeScore* shaped = score(node.input(0))) widths_[node.outputs[0]] = shaped->width();
    }
    const auto width = node.op == "ConstantOfShape" ? widths_.find(node.input(0)) : widths_.end();
    if (width == widths_.end()) return false;
    const auto* value = node.attribute<ValuePtr>("value");
    TreeScore number;
    number.constant.assign(width->second, value != nullptr && !(*value)->data.empty() ? (*value)->data[0] : 0);
    scores_[node.outputs[0]] = number;
    return true;
  }

  /// scikit-learn's converter guards a division by a sum that may be zero: Cast to int32, Equal to 0. Where the sum
  /// cannot be below 1, the answer is known.
  bool follow_bound(const Node& node) {
    if (node.op == "Cast") {
      const TreeScore* from = score(node.input(0));
      constexpr int64_t kInt32 = 6, kInt64 = 7;
      const int64_t type = node.integer("to", 0);
      if (from == nullptr || from->outer != TreeScore::Outer::kPowerSum || (type != kInt32 && type != kInt64))
        return false;
      bounds_[node.outputs[0]] = std::trunc(from->lower_bound());
      return true;
    }
    const auto bound = node.op == "Equal" ? bounds_.find(node.input(0)) : bounds_.end();
    const Value* other = graph_.constant(node.input(1));
    if (bound == bounds_.end() || other == nullptr || other->data.size() != 1 || !(other->data[0] < bound->second))
      return false;
    scores_[node.outputs[0]] = TreeScore{};
    return true;
  }

  /// Bagged classifiers are averaged over an axis of their own in front of the events': Reshape to [1, -1, columns],
  /// Concat and ReduceMean over it.
  bool follow_stack(const Node& node) {
    const TreeScore* from = score(node.input(0));
    const Value* shape = node.op == "Reshape" ? graph_.constant(node.input(1)) : nullptr;
    if (from != nullptr && shape != nullptr &&
        shape->data == std::vector<double>{1, -1, static_cast<double>(from->width())}) {
      stacks_[node.outputs[0]] = {from};
      return true;
    }
    if (!stacks_.contains(node.input(0))) return false;
    std::vector<const TreeScore*> stack;
    for (size_t i = 0; i < (node.op == "Concat" ? node.inputs.size() : 1); ++i) {
      const auto part = stacks_.find(node.input(i));
      if (part == stacks_.end()) return false;
      stack.insert(stack.end(), part->second.begin(), part->second.end());
    }
    if (node.op == "Concat" && node.integer("axis", 1) == 0) {
      stacks_[node.outputs[0]] = std::move(stack);
      return true;
    }
    const auto axes = axes_of(node, graph_);
    if (node.op != "ReduceMean" || node.integer("keepdims", 1) != 0 || !axes.ok() || *axes != std::vector<int64_t>{0})
      return false;
    std::vector<TreeScore> scores;
    for (const TreeScore* each : stack) {
      work_ += each->size();
      if (work_ > kMaxElements) return false;
      scores.push_back(*each);
    }
    auto mean = evaluate_on_trees(graph_, {.op = "Mean"}, scores);
    if (mean) scores_[node.outputs[0]] = *std::move(mean);
    return mean.has_value();
  }

  std::optional<TreeScore> ensemble_score(const Node& node) {
    const Forest& forest = *node.forest;
    const auto input = inputs_.find(node.input(0));
    const bool plain = forest.post == PostTransform::kNone &&
                       (forest.aggregation == Aggregation::kSum || forest.aggregation == Aggregation::kAverage);
    if (!plain || input == inputs_.end()) return std::nullopt;
    TreeScore score;
    const auto columns = static_cast<size_t>(forest.outputs);
    score.constant = forest.base;
    const double share = forest.aggregation == Aggregation::kAverage ? 1 / static_cast<double>(forest.trees.size()) : 1;
    size_t leaf = 0;
    for (size_t t = 0; t < forest.trees.size(); ++t) {
      TreeSource source{&node, t, input->second.first, input->second.second};
      TreeScore::Row& rows = score.trees[sources_.size()];
      for (size_t n = source.first_node(); n < source.end_node(); ++n) {
        if (!forest.nodes[n].is_leaf()) continue;
        rows.resize(rows.size() + columns);
        const double* values = &forest.leaf_values[leaf++ * static_cast<size_t>(forest.leaf_width)];
        const int32_t output = forest.trees[t].output;
        double* row = &rows[rows.size() - columns] + std::max(output, 0);
        for (int32_t k = 0; k < forest.leaf_width; ++k) row[k] = values[k] * share;
      }
      sources_.push_back(std::move(source));
    }
    return node.op == "TreeEnsembleClassifier" && columns == 1 ? both_classes(score) : score;
  }

  /// A classifier with one column of weights s gives two scores: 1 - s and s, or -s and s where a weight is negative.
  static std::optional<TreeScore> both_classes(const TreeScore& second) {
    const bool shares = std::all_of(second.trees.begin(), second.trees.end(), [](const auto& tree) {
      return std::all_of(tree.second.begin(), tree.second.end(), [](double weight) { return weight >= 0; });
    });
    TreeScore both;
    both.constant = {(shares ? 1 : 0) - second.constant[0], second.constant[0]};
    for (const auto& [tree, values] : second.trees) {
      for (const double v : values) both.trees[tree].insert(both.trees[tree].end(), {-v, v});
    }
    return both;
  }

  /// Numbers of trees, or a constant: a number, or a row.
  std::optional<TreeScore> operand(const std::string& tensor) {
    if (const TreeScore* found = score(tensor)) {
      work_ += found->size();
      return *found;
    }
    const Value* value = graph_.constant(tensor);
    if (value == nullptr || value->data.empty()) return std::nullopt;
    if (static_cast<size_t>(value->shape.empty() ? 1 : value->shape.back()) != value->data.size()) return std::nullopt;
    TreeScore number;
    number.constant = value->data;
    work_ += number.size();
    return number;
  }

  std::optional<TreeScore> evaluate(const Node& node) {
    std::vector<TreeScore> operands;
    for (size_t i = 0; i < (has_parameters(node.op) ? 1 : node.inputs.size()); ++i) {
      auto found = operand(node.input(i));
      if (!found || work_ > kMaxElements) return std::nullopt;
      operands.push_back(*std::move(found));
    }
    if (std::all_of(operands.begin(), operands.end(), [](const TreeScore& s) { return s.is_number(); })) {
      // Of numbers only what came from a comparison with a bound: Cast of its answer.
      return node.op == "Cast" && operands.size() == 1 && score(node.input(0)) ? std::optional(operands[0])
                                                                               : std::nullopt;
    }
    return evaluate_on_trees(graph_, node, operands);
  }

  const Graph& graph_;
  /// Tensors that are an input of the graph, or columns of one.
  std::unordered_map<std::string, std::pair<std::string, std::vector<int64_t>>> inputs_;
  std::unordered_map<std::string, TreeScore> scores_;
  std::unordered_map<std::string, size_t> widths_;  ///< of the scores that a tensor is the shape of
  std::unordered_map<std::string, double> bounds_;  ///< whole numbers of which only a lower bound is known
  std::unordered_map<std::string, std::vector<const TreeScore*>> stacks_;  ///< scores one after the other
  std::vector<TreeSource> sources_;
  int64_t work_ = 0;  ///< numbers calculated: a small hostile file must not keep us busy
};

/// Why trees are no sum: the first operator on the way to the scores, the last of the outputs, that takes numbers of
/// trees for something else.
absl::Status not_a_sum(const Graph& graph, const Joiner& joiner) {
  std::unordered_set<std::string> needed = {graph.outputs.back()};
  const Node* first = nullptr;
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (std::none_of(node.outputs.begin(), node.outputs.end(), [&](const auto& o) { return needed.contains(o); }))
      continue;
    needed.insert(node.inputs.begin(), node.inputs.end());
    const bool takes_scores =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](const auto& i) { return joiner.score(i) != nullptr; });
    if (joiner.score(node.outputs[0]) == nullptr && takes_scores) first = &node;
  }
  if (first == nullptr) return absl::OkStatus();
  const char* known = first->op == "TopK" ? " (the weighted median of scikit-learn's AdaBoostRegressor is none)" : "";
  return absl::UnimplementedError(absl::StrCat(
      first->label(),
      " takes what the file's tree ensembles give; a forest is a weighted sum of functions of single trees", known,
      ", and this is something else"));
}

}  // namespace

absl::Status join_trees(Graph& graph, std::string& note) {
  Joiner joiner(graph);
  joiner.follow();
  const TreeScore* found = nullptr;
  std::string output, left_out;  // labels come first: the last output that is one has the scores
  for (const std::string& tensor : graph.outputs) {
    const TreeScore* score = joiner.score(tensor);
    if (score == nullptr || score->is_number() || score->outer == TreeScore::Outer::kPowerSum) continue;
    if (found != nullptr) absl::StrAppend(&left_out, left_out.empty() ? "" : ", ", "'", output, "'");
    found = score;
    output = tensor;
  }
  if (found == nullptr) return graph.outputs.empty() ? absl::OkStatus() : not_a_sum(graph, joiner);
  const std::string& input = joiner.sources()[found->trees.begin()->first].tensor;
  for (const auto& [tree, values] : found->trees) {
    if (joiner.sources()[tree].tensor != input) return absl::OkStatus();
  }
  absl::StatusOr<Forest> forest = joined_forest(graph, *found, output, joiner.sources(), note);
  if (!forest.ok()) return forest.status();
  if (!left_out.empty()) absl::StrAppend(&note, note.empty() ? "" : "; ", "left out: ", left_out);
  Node node{.op = "TreeEnsemble", .domain = "", .name = output, .inputs = {input}, .outputs = {output}};
  node.forest = std::make_shared<const Forest>(*std::move(forest));
  graph.nodes = {std::move(node)};
  graph.outputs = {output};
  std::erase_if(graph.inputs, [&](const Port& port) { return port.name != input; });
  return absl::OkStatus();
}

}  // namespace strobe::import::onnx_ir
