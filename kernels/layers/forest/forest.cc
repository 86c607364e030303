#include "kernels/layers/forest/forest.h"

#include <algorithm>
#include <set>
#include <vector>

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Constant;
using model::Graph;
using model::Node;

/// The constant exists, is a whole number (where `whole`) of one type, and has that many values (-1: any but none).
absl::Status expect_table(const Node& node, const char* name, int64_t size, bool whole = true) {
  const Constant* constant = node.constant(name);
  if (constant == nullptr) return layer_error(node, absl::StrCat("constant '", name, "' is missing"));
  const auto found = static_cast<int64_t>(constant->raw.size());
  if (size >= 0 ? found != size : found == 0) {
    return layer_error(node, absl::StrCat("constant '", name, "' has ", found, " values, expected ",
                                          size >= 0 ? absl::StrCat(size) : "at least one"));
  }
  if (!constant->type.is_uniform() || (whole && constant->type.types[0].fraction() != 0)) {
    return layer_error(node,
                       absl::StrCat("constant '", name, "' must be of one ", whole ? "whole-number " : "", "type"));
  }
  return absl::OkStatus();
}

int64_t size_of(const Node& node, const char* name) { return static_cast<int64_t>(node.constant(name)->raw.size()); }

absl::Status verify_predicates(const Graph& graph, const Node& node) {
  const int64_t features = graph.tensor(node.inputs[0]).type.elements();
  for (const char* name : {"predicate_feature", "predicate_begin", "interval_low", "interval_high"}) {
    const Constant* constant = node.constant(name);
    if (constant == nullptr) return layer_error(node, absl::StrCat("constant '", name, "' is missing"));
  }
  const int64_t predicates = size_of(node, "predicate_feature");
  const int64_t intervals = size_of(node, "interval_low");
  for (const auto& [name, size] : {std::pair{"predicate_feature", predicates},
                                   {"predicate_begin", predicates + 1},
                                   {"interval_low", intervals},
                                   {"interval_high", intervals}}) {
    if (absl::Status s = expect_table(node, name, size); !s.ok()) return s;
  }
  const auto& feature = node.constant("predicate_feature")->raw;
  const auto& begin = node.constant("predicate_begin")->raw;
  const auto& low = node.constant("interval_low")->raw;
  const auto& high = node.constant("interval_high")->raw;
  if (begin.front() != 0 || begin.back() != intervals) {
    return layer_error(node, absl::StrCat("predicate_begin runs from ", begin.front(), " to ", begin.back(),
                                          ", expected 0 to ", intervals));
  }
  for (int64_t p = 0; p < predicates; ++p) {
    if (feature[p] < 0 || feature[p] >= features) {
      return layer_error(node, absl::StrCat("predicate ", p, " looks at feature ", feature[p], " of ", features));
    }
    if (begin[p] >= begin[p + 1] || begin[p + 1] > intervals) {
      return layer_error(node, absl::StrCat("predicate ", p, " has no interval"));
    }
    for (int64_t i = begin[p]; i < begin[p + 1]; ++i) {
      if (low[i] > high[i] || (i > begin[p] && low[i] <= high[i - 1])) {
        return layer_error(node, absl::StrCat("predicate ", p, ": its intervals are not ascending and disjoint"));
      }
    }
  }
  return absl::OkStatus();
}

/// Counts one use of a child; a node comes after its parent.
absl::Status use_child(const Node& node, int64_t child, int64_t parent, std::vector<int>& nodes,
                       std::vector<int>& leaves) {
  const bool leaf = child < 0;
  std::vector<int>& uses = leaf ? leaves : nodes;
  const int64_t index = leaf ? ~child : child;
  if (index >= static_cast<int64_t>(uses.size()) || (!leaf && index <= parent)) {
    return layer_error(node, absl::StrCat("node ", parent, " has the child ", leaf ? "leaf " : "node ", index,
                                          "; expected a later node or one of ", leaves.size(), " leaves"));
  }
  if (++uses[index] > 1) {
    return layer_error(node, absl::StrCat(leaf ? "leaf " : "node ", index, " has more than one parent"));
  }
  return absl::OkStatus();
}

absl::Status verify_trees(const Node& node) {
  for (const char* name : {"tree_root", "leaf_id"}) {
    if (absl::Status s = expect_table(node, name, -1); !s.ok()) return s;
  }
  if (node.constant("node_predicate") == nullptr) return layer_error(node, "constant 'node_predicate' is missing");
  const int64_t nodes = size_of(node, "node_predicate");
  for (const char* name : {"node_predicate", "node_true", "node_false"}) {
    if (absl::Status s = expect_table(node, name, nodes); !s.ok()) return s;
  }
  std::vector<int> node_uses(nodes), leaf_uses(size_of(node, "leaf_id"));
  const int64_t predicates = size_of(node, "predicate_feature");
  for (const int64_t root : node.constant("tree_root")->raw) {
    if (absl::Status s = use_child(node, root, -1, node_uses, leaf_uses); !s.ok()) return s;
  }
  for (int64_t n = 0; n < nodes; ++n) {
    const int64_t predicate = node.constant("node_predicate")->raw[n];
    if (predicate < 0 || predicate >= predicates) {
      return layer_error(node, absl::StrCat("node ", n, " has predicate ", predicate, " of ", predicates));
    }
    for (const char* name : {"node_true", "node_false"}) {
      if (absl::Status s = use_child(node, node.constant(name)->raw[n], n, node_uses, leaf_uses); !s.ok()) return s;
    }
  }
  for (const auto* uses : {&node_uses, &leaf_uses}) {
    const auto unused = std::find(uses->begin(), uses->end(), 0);
    if (unused == uses->end()) continue;
    return layer_error(
        node, absl::StrCat(uses == &node_uses ? "node " : "leaf ", unused - uses->begin(), " belongs to no tree"));
  }
  return absl::OkStatus();
}

/// Sums and scaled sums fit the reference's integers.
absl::Status verify_bits(const Graph& graph, const Node& node, const std::string& sum) {
  const Extent leaf = extent(node.constant("leaf_value")->type.types[0]);
  const Extent trees = {static_cast<long double>(size_of(node, "tree_root")), 0};
  Extent total = trees * leaf + extent(node.constant("base")->type.types[0]);
  if (const auto accumulator = node.type("accumulator"); accumulator && (sum == "file_order" || sum == "balanced")) {
    total = united(total, extent(*accumulator) + united(extent(*accumulator), leaf));
  }
  if (const Constant* scale = node.constant("scale")) total = united(total, total * extent_at(*scale, 0));
  return expect_bits(graph, node, total.bits());
}

absl::Status verify_scores(const Graph& graph, const Node& node, int64_t outputs) {
  const int64_t trees = size_of(node, "tree_root"), leaves = size_of(node, "leaf_id");
  const Constant* tree_output = node.constant("tree_output");
  if (absl::Status s = expect_table(node, "leaf_value", tree_output ? leaves : leaves * outputs, false); !s.ok()) {
    return s;
  }
  if (absl::Status s = expect_table(node, "base", outputs, false); !s.ok()) return s;
  const int fraction = node.constant("leaf_value")->type.types[0].fraction();
  if (node.constant("base")->type.types[0].fraction() != fraction) {
    return layer_error(node, "leaf_value and base are not on one grid");
  }
  if (node.constant("scale") != nullptr) {
    if (absl::Status s = expect_table(node, "scale", 1, false); !s.ok()) return s;
  }
  std::vector<bool> has_tree(outputs, tree_output == nullptr);
  if (tree_output != nullptr) {
    if (absl::Status s = expect_table(node, "tree_output", trees); !s.ok()) return s;
    for (const int64_t output : tree_output->raw) {
      if (output < 0 || output >= outputs) {
        return layer_error(node, absl::StrCat("a tree adds to output ", output, " of ", outputs));
      }
      has_tree[output] = true;
    }
  }
  const std::string sum = node.text("sum", "exact");
  if (absl::Status s = verify_bits(graph, node, sum); !s.ok()) return s;
  if ((sum == "minimum" || sum == "maximum") && std::count(has_tree.begin(), has_tree.end(), false) > 0) {
    return layer_error(node, absl::StrCat("an output has no tree to take the ", sum, " of"));
  }
  if (sum == "file_order" || sum == "balanced") {
    if (!node.type("accumulator"))
      return layer_error(node, absl::StrCat("sum '", sum, "' needs the attribute accumulator"));
  } else if (sum != "exact" && sum != "minimum" && sum != "maximum") {
    return layer_error(node, absl::StrCat("unknown sum '", sum, "'"));
  }
  return absl::OkStatus();
}

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_inputs(node, 1); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto& out = graph.tensor(node.outputs[0]).type;
  if (in.shape.size() != 1 || out.shape.size() != 1) {
    return layer_error(node, absl::StrCat("expected one axis of input and output, found ", model::to_string(in.shape),
                                          " and ", model::to_string(out.shape)));
  }
  if (absl::Status s = verify_predicates(graph, node); !s.ok()) return s;
  if (absl::Status s = verify_trees(node); !s.ok()) return s;
  const std::string result = node.text("result", "scores");
  if (result == "scores") return verify_scores(graph, node, out.elements());
  if (result != "leaves") return layer_error(node, absl::StrCat("unknown result '", result, "'"));
  if (out.elements() != size_of(node, "tree_root")) {
    return layer_error(node, absl::StrCat("its output has ", out.elements(), " elements for the leaves of ",
                                          size_of(node, "tree_root"), " trees"));
  }
  return absl::OkStatus();
}

bool holds(const Node& node, int64_t predicate, std::span<const int64_t> x) {
  const auto& begin = node.constant("predicate_begin")->raw;
  const int64_t value = x[node.constant("predicate_feature")->raw[predicate]];
  for (int64_t i = begin[predicate]; i < begin[predicate + 1]; ++i) {
    if (node.constant("interval_low")->raw[i] <= value && value <= node.constant("interval_high")->raw[i]) return true;
  }
  return false;
}

int64_t leaf_of(const Node& node, int64_t tree, std::span<const int64_t> x) {
  int64_t at = node.constant("tree_root")->raw[tree];
  while (at >= 0) {
    const bool answer = holds(node, node.constant("node_predicate")->raw[at], x);
    at = node.constant(answer ? "node_true" : "node_false")->raw[at];
  }
  return ~at;
}

/// The sum of scores in the order of conifer's HLS: left part the largest power of two below the count.
Exact balanced_sum(std::span<const Exact> scores, const model::FixedType& accumulator, model::OverflowCount* count) {
  if (scores.empty()) return {0, accumulator.fraction()};
  if (scores.size() == 1) return scores[0];
  size_t left = 1;
  while (2 * left < scores.size()) left *= 2;
  const Exact sum =
      balanced_sum(scores.first(left), accumulator, count) + balanced_sum(scores.subspan(left), accumulator, count);
  return {cast(sum, accumulator, count), accumulator.fraction()};
}

Exact aggregate(const Node& node, std::span<const Exact> scores, Exact base, model::OverflowCount* count) {
  const std::string sum = node.text("sum", "exact");
  if (sum == "minimum") return *std::min_element(scores.begin(), scores.end()) + base;
  if (sum == "maximum") return *std::max_element(scores.begin(), scores.end()) + base;
  if (sum == "exact") {
    for (const Exact score : scores) base = base + score;
    return base;
  }
  const model::FixedType accumulator = *node.type("accumulator");
  const auto accumulate = [&](Exact value) { return Exact{cast(value, accumulator, count), accumulator.fraction()}; };
  if (sum == "balanced") return accumulate(balanced_sum(scores, accumulator, count) + base);
  Exact total = accumulate(base);
  for (const Exact score : scores) total = accumulate(total + score);
  return total;
}

void reference(const EventView& view) {
  const Node& node = view.node;
  const auto& out = view.output_type();
  std::vector<int64_t> leaves;
  for (int64_t t = 0; t < size_of(node, "tree_root"); ++t) leaves.push_back(leaf_of(node, t, view.inputs[0]));
  if (node.text("result") == "leaves") {
    for (size_t t = 0; t < leaves.size(); ++t) {
      view.outputs[0][t] = cast(constant_at(*node.constant("leaf_id"), leaves[t]), out.at(t), view.overflow);
    }
    return;
  }
  const Constant* tree_output = node.constant("tree_output");
  const Constant& leaf_value = *node.constant("leaf_value");
  for (int64_t k = 0; k < out.elements(); ++k) {
    std::vector<Exact> scores;
    for (size_t t = 0; t < leaves.size(); ++t) {
      if (tree_output != nullptr && tree_output->raw[t] != k) continue;
      const int64_t value = leaf_value.raw[tree_output ? leaves[t] : leaves[t] * out.elements() + k];
      scores.push_back(exact(value, leaf_value.type.types[0]));
    }
    const Exact base = exact(node.constant("base")->raw[k], node.constant("base")->type.types[0]);
    Exact score = aggregate(node, scores, base, view.overflow);
    if (const Constant* scale = node.constant("scale")) score = score * constant_at(*scale, 0);
    view.outputs[0][k] = cast(score, out.at(k), view.overflow);
  }
}

/// A comparison of b bits counts as b bit operations, an addition as the bits of its result.
Cost cost(const Graph& graph, const Node& node) {
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto& out = graph.tensor(node.outputs[0]).type;
  Cost cost;
  for (size_t p = 0; p < node.constant("predicate_feature")->raw.size(); ++p) {
    cost.bit_operations += in.at(node.constant("predicate_feature")->raw[p]).width;
  }
  if (node.text("result") != "leaves") {
    const int64_t per_tree = node.constant("tree_output") ? 1 : out.elements();
    cost.additions = size_of(node, "tree_root") * per_tree;
    cost.multiplications = node.constant("scale") ? out.elements() : 0;
    cost.bit_operations += static_cast<double>(cost.additions) * out.max_width();
  }
  cost.effective_bit_operations = cost.bit_operations;
  return with_plan(cost, plan_hls_forest(graph, node));
}

}  // namespace

ForestShape forest_shape(const Graph& graph, const Node& node) {
  ForestShape shape;
  shape.trees = size_of(node, "tree_root");
  shape.nodes = size_of(node, "node_predicate");
  shape.leaves = size_of(node, "leaf_id");
  shape.predicates = size_of(node, "predicate_feature");
  std::vector<int64_t> depth(shape.nodes, 1);
  for (int64_t n = 0; n < shape.nodes; ++n) {
    for (const char* name : {"node_true", "node_false"}) {
      const int64_t child = node.constant(name)->raw[n];
      if (child >= 0) depth[child] = depth[n] + 1;
    }
    shape.depth = std::max(shape.depth, depth[n]);
  }
  const auto& begin = node.constant("predicate_begin")->raw;
  std::set<std::pair<int64_t, model::Wide>>
      borders;  // between raw values: below the first of an interval, above the last
  for (int64_t p = 0; p < shape.predicates; ++p) {
    const int64_t feature = node.constant("predicate_feature")->raw[p];
    const auto& type = graph.tensor(node.inputs[0]).type.at(feature);
    const model::Wide lowest = type.is_signed ? -type.max_raw() - 1 : 0;
    for (int64_t i = begin[p]; i < begin[p + 1]; ++i) {
      const model::Wide low = node.constant("interval_low")->raw[i], high = node.constant("interval_high")->raw[i];
      if (low > lowest) borders.emplace(feature, low);
      if (high < type.max_raw()) borders.emplace(feature, high + 1);
    }
  }
  shape.comparators = static_cast<int64_t>(borders.size());
  return shape;
}

const Layer kForestLayer = {"forest", "decision trees", verify, reference, cost, emulate_forest, write_hls_forest};

}  // namespace strobe::layers
