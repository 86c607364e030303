#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/forest_tree.h"
#include "kernels/import/onnx_graph.h"

/// Arithmetic on what single trees give, done on their leaves: scikit-learn's converter writes an isolation forest as
/// one ensemble a tree, whose result (the number of a leaf) becomes a path length by tables and elementwise operators.
/// Whatever depends on one tree alone has a value per leaf; a sum of such values is a forest again.
namespace strobe::import::onnx_ir {
namespace {

/// constant + for each tree, a value per leaf; then scale * power^that + offset, where there is a power.
struct Score {
  std::map<size_t, std::vector<double>> trees;
  double constant = 0;
  std::optional<double> power;
  double scale = 1, offset = 0;
};

/// A tree of the file: its ensemble's node, and where its features come from.
struct Source {
  const Node* node;
  std::string tensor;             ///< a graph input
  std::vector<int64_t> features;  ///< the feature that each of the tree's stands for; empty: itself
};

class Joiner {
 public:
  explicit Joiner(const Graph& graph) : graph_(graph) {
    for (const Port& port : graph.inputs) inputs_.insert(port.name);
  }

  /// Follows every node. A tensor without an entry in `scores_` is none that this arithmetic knows.
  void follow() {
    for (const Node& node : graph_.nodes) {
      if (node.op == "Gather" && add_gather(node)) continue;
      std::optional<Score> score = node.forest != nullptr ? tree_score(node) : evaluate(node);
      if (!score || node.outputs.empty()) continue;
      count_work(*score);
      if (work_ > kMaxElements) return;
      scores_[node.outputs[0]] = *std::move(score);
    }
  }

  const Score* score(const std::string& tensor) const {
    const auto found = scores_.find(tensor);
    return found == scores_.end() ? nullptr : &found->second;
  }
  const std::vector<Source>& sources() const { return sources_; }

 private:
  bool add_gather(const Node& node) {
    const Value* index = graph_.constant(node.input(1));
    if (!inputs_.contains(node.input(0)) || index == nullptr || node.integer("axis", 0) != 1) return false;
    auto features = integers_of(*index, node);
    if (!features.ok()) return false;
    gathered_[node.outputs[0]] = {node.input(0), *std::move(features)};
    return true;
  }

  std::optional<Score> tree_score(const Node& node) {
    const Forest& forest = *node.forest;
    const bool plain = forest.trees.size() == 1 && forest.outputs == 1 && forest.post == PostTransform::kNone;
    Source source{&node, node.input(0), {}};
    if (const auto found = gathered_.find(source.tensor); found != gathered_.end())
      std::tie(source.tensor, source.features) = found->second;
    if (!plain || !inputs_.contains(source.tensor)) return std::nullopt;
    Score score;
    score.trees[sources_.size()] = forest.leaf_values;
    score.constant = forest.base[0];
    sources_.push_back(std::move(source));
    return score;
  }

  /// A tree's score, or a constant of one element.
  std::optional<Score> operand(const std::string& tensor) {
    if (const Score* found = score(tensor)) {
      count_work(*found);
      return *found;
    }
    const Value* value = graph_.constant(tensor);
    if (value == nullptr || value->data.size() != 1) return std::nullopt;
    Score score;
    score.constant = value->data[0];
    return score;
  }

  void count_work(const Score& score) {
    for (const auto& [tree, values] : score.trees) work_ += static_cast<int64_t>(values.size());
  }

  std::optional<Score> evaluate(const Node& node) {
    // A Reshape's second input is no number to calculate with.
    const size_t count = node.op == "Reshape" ? 1 : node.inputs.size();
    std::vector<Score> operands;
    for (size_t i = 0; i < count; ++i) {
      auto found = operand(node.input(i));
      if (!found || work_ > kMaxElements) return std::nullopt;
      operands.push_back(*std::move(found));
    }
    if (operands.empty() ||
        std::all_of(operands.begin(), operands.end(), [](const Score& s) { return s.trees.empty(); }))
      return std::nullopt;
    if (auto linear = evaluate_linear(node, operands)) return linear;
    return evaluate_on_leaves(node, operands);
  }

  static bool is_number(const Score& score) { return score.trees.empty(); }

  /// Sums, and products with a number; a power of a number begins the outer function.
  static std::optional<Score> evaluate_linear(const Node& node, const std::vector<Score>& operands) {
    const std::string& op = node.op;
    const Score& first = operands[0];
    if (op == "Identity" || op == "Reshape") return first;
    if (op == "Neg") return scaled(first, -1);
    if (op == "Add" || op == "Sum") return sum(operands);
    if (operands.size() != 2) return std::nullopt;
    if (op == "Sub") return sum({first, scaled(operands[1], -1)});
    if (op == "Div" && is_number(operands[1]) && operands[1].constant != 0)
      return scaled(first, 1 / operands[1].constant);
    if (op == "Mul" && is_number(operands[1])) return scaled(first, operands[1].constant);
    if (op == "Mul" && is_number(first)) return scaled(operands[1], first.constant);
    // Several trees are needed: on one alone, a power is one more function of the leaf.
    if (op == "Pow" && is_number(first) && first.constant > 0 && !operands[1].power && operands[1].trees.size() > 1) {
      Score power = operands[1];
      power.power = first.constant;
      return power;
    }
    return std::nullopt;
  }

  static Score scaled(Score score, double factor) {
    if (score.power) {
      score.scale *= factor;
      score.offset *= factor;
      return score;
    }
    score.constant *= factor;
    for (auto& [tree, values] : score.trees) {
      for (double& v : values) v *= factor;
    }
    return score;
  }

  static std::optional<Score> sum(const std::vector<Score>& operands) {
    const auto power =
        std::find_if(operands.begin(), operands.end(), [](const Score& s) { return s.power.has_value(); });
    if (power != operands.end()) {
      Score total = *power;
      for (auto other = operands.begin(); other != operands.end(); ++other) {
        if (other == power) continue;
        if (!is_number(*other)) return std::nullopt;
        total.offset += other->constant;
      }
      return total;
    }
    Score total;
    for (const Score& score : operands) {
      total.constant += score.constant;
      for (const auto& [tree, values] : score.trees) {
        auto& mine = total.trees[tree];
        mine.resize(values.size());
        for (size_t i = 0; i < values.size(); ++i) mine[i] += values[i];
      }
    }
    return total;
  }

  /// Any elementwise function of one tree's values.
  static std::optional<Score> evaluate_on_leaves(const Node& node, const std::vector<Score>& operands) {
    std::optional<size_t> tree;
    size_t leaves = 0;
    for (const Score& score : operands) {
      if (score.power || score.trees.size() > 1) return std::nullopt;
      if (score.trees.empty()) continue;
      if (tree && *tree != score.trees.begin()->first) return std::nullopt;
      tree = score.trees.begin()->first;
      leaves = score.trees.begin()->second.size();
    }
    const auto function = function_of(node, operands.size());
    if (!tree || !function) return std::nullopt;
    Score result;
    std::vector<double>& values = result.trees[*tree];
    std::vector<double> arguments(operands.size());
    for (size_t leaf = 0; leaf < leaves; ++leaf) {
      for (size_t i = 0; i < operands.size(); ++i) {
        arguments[i] = operands[i].constant;
        if (!operands[i].trees.empty()) arguments[i] += operands[i].trees.begin()->second[leaf];
      }
      values.push_back(function(arguments));
    }
    return result;
  }

  using Function = std::function<double(const std::vector<double>&)>;

  static Function function_of(const Node& node, size_t operands) {
    const std::string& op = node.op;
    using Args = const std::vector<double>&;
    if (op == "Max") return [](Args x) { return *std::max_element(x.begin(), x.end()); };
    if (op == "Min") return [](Args x) { return *std::min_element(x.begin(), x.end()); };
    if (operands == 2) {
      if (op == "Mul") return [](Args x) { return x[0] * x[1]; };
      if (op == "Div") return [](Args x) { return x[0] / x[1]; };
      if (op == "Pow") return [](Args x) { return std::pow(x[0], x[1]); };
      if (op == "Greater") return [](Args x) { return x[0] > x[1] ? 1.0 : 0.0; };
      if (op == "Less") return [](Args x) { return x[0] < x[1] ? 1.0 : 0.0; };
      if (op == "Equal") return [](Args x) { return x[0] == x[1] ? 1.0 : 0.0; };
    }
    if (operands != 1) return nullptr;
    if (op == "Log") return [](Args x) { return std::log(x[0]); };
    if (op == "Exp") return [](Args x) { return std::exp(x[0]); };
    if (op == "Cast") return cast_to(node.integer("to", 0));
    if (op == "LabelEncoder") return table_of(node);
    return nullptr;
  }

  static Function cast_to(int64_t type) {
    using Args = const std::vector<double>&;
    constexpr int64_t kFloat = 1, kBool = 9, kDouble = 11;
    if (type == kFloat || type == kDouble) return [](Args x) { return x[0]; };
    if (type == kBool) return [](Args x) { return x[0] != 0 ? 1.0 : 0.0; };
    if (type >= 2 && type <= 13 && type != 8 && type != 10) return [](Args x) { return std::trunc(x[0]); };
    return nullptr;
  }

  static std::vector<double> list_of(const Node& node, const char* floats, const char* integers) {
    if (const auto* list = node.attribute<std::vector<double>>(floats)) return *list;
    if (const auto* list = node.attribute<std::vector<int64_t>>(integers)) return {list->begin(), list->end()};
    return {};
  }

  static Function table_of(const Node& node) {
    const std::vector<double> keys = list_of(node, "keys_floats", "keys_int64s");
    const std::vector<double> values = list_of(node, "values_floats", "values_int64s");
    if (keys.empty() || keys.size() != values.size()) return nullptr;
    const bool floats = node.attribute<std::vector<double>>("values_floats") != nullptr;
    const double otherwise =
        floats ? node.real("default_float", -0.0) : static_cast<double>(node.integer("default_int64", -1));
    std::unordered_map<double, double> table;
    for (size_t i = 0; i < keys.size(); ++i) table[keys[i]] = values[i];
    return [table = std::move(table), otherwise](const std::vector<double>& x) {
      const auto found = table.find(x[0]);
      return found == table.end() ? otherwise : found->second;
    };
  }

  const Graph& graph_;
  std::unordered_set<std::string> inputs_;
  std::unordered_map<std::string, std::pair<std::string, std::vector<int64_t>>> gathered_;
  std::unordered_map<std::string, Score> scores_;
  std::vector<Source> sources_;
  int64_t work_ = 0;  ///< values calculated: a small hostile file must not keep us busy
};

/// One forest of the trees that a score sums up. Errors: InvalidArgument.
absl::StatusOr<Forest> forest_of(const Score& score, const std::vector<Source>& sources) {
  Forest joined;
  joined.base = {score.constant};
  for (const auto& [index, values] : score.trees) {
    const Source& source = sources[index];
    FileTree tree;
    tree.label = source.node->label();
    tree.root = source.node->forest->trees[0].root;
    tree.output = 0;
    tree.nodes = source.node->forest->nodes;
    tree.leaf_values = values;
    for (ForestNode& node : tree.nodes) {
      if (node.is_leaf() || source.features.empty()) continue;
      const auto from = static_cast<size_t>(node.feature);
      const bool exists =
          from < source.features.size() && source.features[from] >= 0 && source.features[from] < kMaxForestFeatures;
      if (!exists)
        return absl::InvalidArgumentError(absl::StrCat(tree.label, ", node ", node.file_id, ": feature ", node.feature,
                                                       " of ", source.features.size(), " does not exist"));
      node.feature = static_cast<int32_t>(source.features[from]);
    }
    if (absl::Status s = append_tree(tree, joined); !s.ok()) return s;
  }
  return joined;
}

}  // namespace

absl::Status join_trees(Graph& graph, std::string& note) {
  Joiner joiner(graph);
  joiner.follow();
  const Score* found = nullptr;
  std::string output;
  for (const std::string& tensor : graph.outputs) {
    const Score* score = joiner.score(tensor);
    if (score == nullptr || score->trees.empty()) continue;
    if (found != nullptr) return absl::OkStatus();
    found = score;
    output = tensor;
  }
  if (found == nullptr) return absl::OkStatus();
  const std::string& input = joiner.sources()[found->trees.begin()->first].tensor;
  for (const auto& [tree, values] : found->trees) {
    if (joiner.sources()[tree].tensor != input) return absl::OkStatus();
  }
  absl::StatusOr<Forest> forest = forest_of(*found, joiner.sources());
  if (!forest.ok()) return forest.status();
  if (found->power) {
    forest->post = PostTransform::kExp;
    forest->post_scale = std::log(*found->power);
    note =
        absl::StrCat("'", output, "' of the file is ", found->scale, " * ", *found->power, "^output + ", found->offset);
  }
  Node node{.op = "TreeEnsemble", .domain = "", .name = output, .inputs = {input}, .outputs = {output}};
  node.forest = std::make_shared<const Forest>(*std::move(forest));
  graph.nodes = {std::move(node)};
  graph.outputs = {output};
  std::erase_if(graph.inputs, [&](const Port& port) { return port.name != input; });
  return absl::OkStatus();
}

}  // namespace strobe::import::onnx_ir
