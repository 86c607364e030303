#include "kernels/quantise/forest.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/layers/catalog.h"
#include "kernels/quantise/forest_config.h"
#include "kernels/quantise/forest_inputs.h"
#include "kernels/quantise/forest_post.h"
#include "kernels/quantise/forest_predicates.h"
#include "kernels/quantise/forest_scores.h"
#include "kernels/quantise/widths.h"

namespace strobe::quantise {
namespace {

using import::Forest;
using import::ForestNode;
using model::Node;

/// The trees of a forest as the node's constants; splits that ask nothing on this grid are left out.
class TreeWriter {
 public:
  TreeWriter(const Forest& forest, const ForestConfig& config, const ForestInputs& inputs)
      : forest_(forest), config_(config), inputs_(inputs) {}

  void run(Node& node) {
    for (size_t t = 0; t < forest_.trees.size(); ++t) write_tree(t);
    is_constant_ = node_predicate_.empty();
    if (is_constant_) add_idle_split();
    const std::vector<int64_t> number = predicates_.finish(node);
    for (int64_t& p : node_predicate_) p = number[p];
    node.constants["node_predicate"] = whole_numbers(node_predicate_);
    node.constants["node_true"] = whole_numbers(node_true_);
    node.constants["node_false"] = whole_numbers(node_false_);
    node.constants["tree_root"] = whole_numbers(tree_root_);
    node.constants["leaf_id"] = whole_numbers(leaf_id_);
    if (forest_.trees[0].output < 0) return;
    std::vector<int64_t> outputs;
    for (const auto& tree : forest_.trees) outputs.push_back(tree.output);
    node.constants["tree_output"] = whole_numbers(std::move(outputs));
  }

  /// No split tells events apart.
  bool is_constant() const { return is_constant_; }
  const std::vector<int64_t>& leaves() const { return leaves_; }
  const std::vector<int64_t>& leaf_tree() const { return leaf_tree_; }

 private:
  struct Task {
    int32_t source;                 ///< node of the file's forest
    std::vector<int64_t>* parents;  ///< which column names the child
    int64_t parent;
  };

  /// A forest of leaves alone gets one split, with its first leaf on both sides: nothing behind need know of forests
  /// without questions.
  void add_idle_split() {
    const int64_t low = inputs_.grid(0).low();
    node_predicate_.push_back(predicates_.idle(0, {{low, low}}));
    node_true_.push_back(tree_root_[0]);
    node_false_.push_back(~static_cast<int64_t>(leaves_.size()));
    leaves_.push_back(leaves_[0]);
    leaf_id_.push_back(leaf_id_[0]);
    leaf_tree_.push_back(0);
    tree_root_[0] = 0;
  }

  void write_tree(size_t tree) {
    tree_root_.push_back(0);
    std::vector<Task> stack = {{forest_.trees[tree].root, &tree_root_, static_cast<int64_t>(tree)}};
    while (!stack.empty()) {
      const Task task = stack.back();
      stack.pop_back();
      Predicates::Answer answer;
      const ForestNode& node = skip_settled(forest_.nodes[task.source], answer);
      if (node.is_leaf()) {
        (*task.parents)[task.parent] = ~static_cast<int64_t>(leaves_.size());
        leaves_.push_back(node.leaf);
        leaf_id_.push_back(node.file_id);
        leaf_tree_.push_back(static_cast<int64_t>(tree));
        continue;
      }
      const auto id = static_cast<int64_t>(node_predicate_.size());
      (*task.parents)[task.parent] = id;
      node_predicate_.push_back(answer.id);
      node_true_.push_back(0);
      node_false_.push_back(0);
      const auto [on_true, on_false] =
          answer.swapped ? std::pair(node.if_false, node.if_true) : std::pair(node.if_true, node.if_false);
      stack.push_back({on_false, &node_false_, id});
      stack.push_back({on_true, &node_true_, id});
    }
  }

  /// Follows splits that answer the same for every event.
  const ForestNode& skip_settled(const ForestNode& from, Predicates::Answer& answer) {
    const ForestNode* node = &from;
    while (!node->is_leaf()) {
      answer = ask(*node);
      if (!answer.always) break;
      node = &forest_.nodes[*answer.always ? node->if_true : node->if_false];
    }
    return *node;
  }

  Predicates::Answer ask(const ForestNode& node) {
    const int64_t element = inputs_.element(node);
    const RawGrid& grid = inputs_.grid(element);
    const double threshold = inputs_.threshold(node, config_);
    const auto* categories = node.categories >= 0 ? &forest_.category_sets[node.categories] : nullptr;
    return predicates_.add(element, true_set(node, threshold, categories, grid), grid);
  }

  const Forest& forest_;
  const ForestConfig& config_;
  const ForestInputs& inputs_;
  Predicates predicates_;
  bool is_constant_ = false;
  std::vector<int64_t> node_predicate_, node_true_, node_false_, tree_root_, leaf_id_;
  std::vector<int64_t> leaves_, leaf_tree_;
};

const import::FloatLayer* forest_layer(const import::FloatModel& model) {
  const import::FloatLayer* found = nullptr;
  for (const auto& layer : model.layers) {
    if (layer.kind == "Input") continue;
    if (layer.kind != "Forest" || found != nullptr || layer.forest == nullptr) return nullptr;
    found = &layer;
  }
  return found;
}

model::TensorType vector_type(int64_t size, const model::FixedType& type) { return {{size}, {type}}; }

absl::Status in_layer(const import::FloatLayer& layer, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("forest '", layer.name, "': ", std::string(status.message())));
}

/// Every event gets the same scores. A forest of leaves alone is meant so; one with splits is not.
void warn_of_constant(const import::FloatModel& model, const Forest& forest, const ForestConfig& config,
                      std::vector<std::string>& warnings) {
  const auto is_root_split = [&](const auto& tree) { return !forest.nodes[tree.root].is_leaf(); };
  if (std::none_of(forest.trees.begin(), forest.trees.end(), is_root_split)) return;
  const std::string type = config.input ? config.input->to_string() : "float32";
  warnings.push_back(absl::StrCat("model '", model.name, "': no split tells inputs of type ", type,
                                  " apart, every event gets the same scores; are the thresholds beyond the type?"));
}

absl::StatusOr<model::Graph> write_graph(const import::FloatModel& model, const import::FloatLayer& layer,
                                         const ForestConfig& config, std::vector<std::string>& warnings) {
  const Forest& forest = *layer.forest;
  model::GraphBuilder builder(model.name);
  for (const auto& [key, value] : model.provenance) builder.set_provenance(key, value);
  auto inputs = ForestInputs::write(forest, config, model.inputs[0].name, layer.name, builder);
  if (!inputs.ok()) return inputs.status();
  Node node;
  node.name = layer.name;
  node.op = "forest";
  node.inputs = {inputs->tensor()};
  TreeWriter trees(forest, config, *inputs);
  trees.run(node);
  if (trees.is_constant()) warn_of_constant(model, forest, config, warnings);
  auto scores = score_forest(forest, config, trees.leaves(), trees.leaf_tree());
  if (!scores.ok()) return scores.status();
  const auto leaves = static_cast<int64_t>(trees.leaves().size());
  const bool vectors = forest.trees[0].output < 0;
  node.constants["leaf_value"] = {
      {vectors ? model::Shape{leaves, forest.outputs} : model::Shape{leaves}, {scores->leaf}}, scores->leaf_raw};
  node.constants["base"] = {vector_type(forest.outputs, scores->base), scores->base_raw};
  if (scores->scale) node.constants["scale"] = *scores->scale;
  if (scores->accumulator) node.attributes["accumulator"] = *scores->accumulator;
  node.attributes["sum"] = scores->sum;
  if (!config.conifer) node.attributes["score_error"] = scores->error;
  model::TensorId result =
      builder.add(std::move(node), vector_type(forest.outputs, scores->result), model.outputs[0].name);
  if (config.probabilities) {
    auto probabilities = add_post_transform(forest, layer.name, result, builder);
    if (!probabilities.ok()) return probabilities.status();
    result = *probabilities;
  }
  builder.set_outputs({result});
  auto graph = std::move(builder).build();
  if (!graph.ok()) return graph.status();
  if (absl::Status s = layers::verify(*graph); !s.ok()) return s;
  return graph;
}

/// Thresholds of so many bits, integer bits from the largest: splits then see no more than that of the input.
model::FixedType threshold_type(const Forest& forest, int bits) {
  import::Array thresholds;
  for (const ForestNode& node : forest.nodes) {
    if (!node.is_leaf() && node.categories < 0 && std::isfinite(node.threshold))
      thresholds.data.push_back(node.threshold);
  }
  return weight_type(thresholds, bits);
}

absl::Status settle_widths(const Forest& forest, const QuantiseOptions& options, ForestConfig& config) {
  if (config.conifer && (options.weight_bits || options.score_type))
    return absl::InvalidArgumentError("Compatibility: conifer takes its precisions from the configuration alone");
  if (config.probabilities && options.score_type) {
    return absl::InvalidArgumentError(
        "Output: probabilities have a type of their own; a type of the scores is one of margins");
  }
  if (options.weight_bits) config.threshold = threshold_type(forest, *options.weight_bits);
  if (options.score_type) config.score = options.score_type;
  return absl::OkStatus();
}

/// The type of events as option and configuration give it.
absl::Status settle_input_type(const QuantiseOptions& options, ForestConfig& config) {
  if (!options.input_type) return absl::OkStatus();
  const bool given = config.input && !options.config.empty();
  if (given && *config.input != *options.input_type) {
    return absl::InvalidArgumentError(absl::StrCat("--input-type is ", options.input_type->to_string(), ", ",
                                                   options.config_origin,
                                                   " says InputPrecision: ", config.input->to_string()));
  }
  config.input = options.input_type;
  return absl::OkStatus();
}

}  // namespace

bool is_forest(const import::FloatModel& model) { return forest_layer(model) != nullptr; }

absl::StatusOr<Quantised> quantise_forest(const import::FloatModel& model, const QuantiseOptions& options) {
  const import::FloatLayer& layer = *forest_layer(model);
  auto config = ForestConfig::parse(options.config, options.config_origin);
  if (!config.ok()) return config.status();
  if (absl::Status s = settle_input_type(options, *config); !s.ok()) return s;
  if (layer.forest->trees.empty()) return in_layer(layer, absl::InvalidArgumentError("has no tree"));
  if (absl::Status s = settle_widths(*layer.forest, options, *config); !s.ok()) return in_layer(layer, s);
  std::vector<std::string> warnings;
  auto graph = write_graph(model, layer, *config, warnings);
  if (!graph.ok()) return in_layer(layer, graph.status());
  return Quantised{*std::move(graph), std::move(warnings), config->without_effect};
}

absl::StatusOr<model::Graph> with_leaves(const model::Graph& graph) {
  model::GraphBuilder builder(graph.name());
  for (const auto& [key, value] : graph.provenance()) builder.set_provenance(key, value);
  std::vector<model::TensorId> renumbered(graph.tensors().size(), -1);
  for (const model::TensorId id : graph.inputs()) {
    const model::Tensor& tensor = graph.tensor(id);
    renumbered[id] = builder.add_input(tensor.name, tensor.type, tensor.encoding);
  }
  for (const Node& source : graph.nodes()) {
    Node node = source;
    for (model::TensorId& id : node.inputs) id = renumbered[id];
    const model::Tensor& out = graph.tensor(source.outputs[0]);
    if (source.op != "forest") {
      renumbered[source.outputs[0]] = builder.add(std::move(node), out.type, out.name);
      continue;
    }
    node.attributes["result"] = std::string("leaves");
    const auto trees = static_cast<int64_t>(node.constant("tree_root")->raw.size());
    builder.set_outputs({builder.add(std::move(node), vector_type(trees, model::FixedType::fixed(32, 32)), out.name)});
    return std::move(builder).build();
  }
  return absl::InvalidArgumentError(absl::StrCat("model '", graph.name(), "' has no forest: no leaves"));
}

}  // namespace strobe::quantise
