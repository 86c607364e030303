#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/forest/forest.h"
#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using hls::Format;
using model::Constant;
using model::Graph;
using model::Node;

/// The trees of each output in their order.
std::vector<std::vector<int64_t>> terms_of(const Graph& graph, const Node& node) {
  const Constant* tree_output = node.constant("tree_output");
  std::vector<std::vector<int64_t>> terms(graph.tensor(node.outputs[0]).type.elements());
  for (size_t t = 0; t < node.constant("tree_root")->raw.size(); ++t) {
    for (size_t k = 0; k < terms.size(); ++k) {
      if (tree_output == nullptr || tree_output->raw[t] == static_cast<int64_t>(k))
        terms[k].push_back(static_cast<int64_t>(t));
    }
  }
  return terms;
}

int64_t most_terms(const std::vector<std::vector<int64_t>>& terms) {
  size_t most = 1;
  for (const auto& of_output : terms) most = std::max(most, of_output.size());
  return static_cast<int64_t>(most);
}

Format whole(const Format& format) { return {format.is_signed, format.width, format.width}; }

/// The intervals on the grid of the array that the input lives in.
absl::Status write_answers(const Graph& graph, const Node& node, hls::LayerWriter& writer) {
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto& feature = node.constant("predicate_feature")->raw;
  const auto& begin = node.constant("predicate_begin")->raw;
  std::vector<int64_t> predicate, low, high;
  for (size_t p = 0; p < feature.size(); ++p) {
    const int shift = writer.input().is_uniform ? 0 : writer.input().format.fraction() - in.at(feature[p]).fraction();
    if (shift > 0 && in.at(feature[p]).width + shift > 63)
      return layer_error(node, "its HLS needs inputs whose common format has at most 63 bits");
    for (int64_t i = begin[p]; i < begin[p + 1]; ++i) {
      predicate.push_back(static_cast<int64_t>(p));
      const auto& type = in.at(feature[p]);
      const auto limit = static_cast<int64_t>(type.max_raw());
      const auto inside = [&](int64_t raw) { return std::clamp(raw, type.is_signed ? -limit - 1 : 0, limit); };
      // A limit beyond the input's range is its end; an interval wholly beyond it is never met.
      const bool never =
          node.constant("interval_low")->raw[i] > limit || node.constant("interval_high")->raw[i] < inside(INT64_MIN);
      const int64_t from = inside(node.constant("interval_low")->raw[i]);
      const int64_t to = inside(node.constant("interval_high")->raw[i]);
      low.push_back(never ? 1 : from << std::max(shift, 0));
      high.push_back(never ? 0 : to << std::max(shift, 0));
    }
  }
  writer.setting("features", writer.input().size);
  writer.setting("predicates", static_cast<int64_t>(feature.size()));
  writer.setting("intervals", static_cast<int64_t>(low.size()));
  writer.setting_table("predicate_feature", feature);
  writer.setting_table("interval_predicate", predicate);
  writer.setting_table("interval_low", low);
  writer.setting_table("interval_high", high);
  return absl::OkStatus();
}

/// Nodes tree by tree, numbered within their tree, parents first.
absl::Status write_trees(const Node& node, hls::LayerWriter& writer) {
  constexpr int64_t kMostNodes = 1 << 18;  // of a tree: they lie on the stack of the kernel's thread in emulation
  const auto& roots = node.constant("tree_root")->raw;
  std::vector<int64_t> first = {0}, lone, predicate, on_true, on_false;
  int64_t largest = 1;
  for (const int64_t root : roots) {
    lone.push_back(root < 0 ? ~root : 0);
    std::vector<int64_t> nodes;  // of the model, in the order of their new numbers
    const auto place = [&](int64_t child) {
      if (child < 0) return child;
      nodes.push_back(child);
      return static_cast<int64_t>(nodes.size()) - 1;
    };
    place(root);
    for (size_t n = 0; n < nodes.size(); ++n) {
      predicate.push_back(node.constant("node_predicate")->raw[nodes[n]]);
      on_true.push_back(place(node.constant("node_true")->raw[nodes[n]]));
      on_false.push_back(place(node.constant("node_false")->raw[nodes[n]]));
    }
    first.push_back(static_cast<int64_t>(predicate.size()));
    largest = std::max(largest, static_cast<int64_t>(nodes.size()));
  }
  if (largest > kMostNodes)
    return layer_error(node, absl::StrCat("a tree has ", largest, " nodes; its HLS takes at most ", kMostNodes));
  writer.setting("trees", static_cast<int64_t>(roots.size()));
  writer.setting("tree_nodes", largest);
  writer.setting_table("first_node", first);
  writer.setting_table("lone_leaf", lone);
  writer.setting_table("node_predicate", predicate);
  writer.setting_table("node_true", on_true);
  writer.setting_table("node_false", on_false);
  return absl::OkStatus();
}

void write_leaf_ids(const Node& node, hls::LayerWriter& writer) {
  const Constant& id = *node.constant("leaf_id");
  writer.setting("leaf_columns", 1);
  writer.setting_type("leaf_whole_t", whole(Format::of(id.type.types[0])));
  writer.setting_table("leaf", id.raw);
  const std::string y = writer.result(Format::of(id.type.types[0]));
  writer.statement(absl::StrCat("strobe::forest_leaf_ids<", writer.config(), ">(", writer.input().name, ", ", y, ")"));
}

/// How the trees add up, and the formats of their sums; returns the exact format of a score.
Format write_sum(const Node& node, int64_t terms, hls::LayerWriter& writer, std::string& policy) {
  const Format leaf = Format::of(node.constant("leaf_value")->type.types[0]);
  const Format base = Format::of(node.constant("base")->type.types[0]);
  const std::string sum = node.text("sum", "exact");
  const bool extreme = sum == "minimum" || sum == "maximum";
  Format total = leaf, accumulator;
  if (sum == "file_order" || sum == "balanced") {
    const model::FixedType type = *node.type("accumulator");
    accumulator = Format::of(type);
    total = hls::covering(leaf, accumulator);
    writer.setting_type("accumulator_t", type);
  } else {
    if (!extreme) {
      total.width += hls::tree_levels(terms);
      total.integer += hls::tree_levels(terms);
    }
    accumulator = hls::sum(total, base);
    writer.setting_type("accumulator_t", accumulator);
  }
  writer.setting_type("leaf_t", leaf);
  writer.setting_type("base_t", base);
  writer.setting_type("base_whole_t", whole(base));
  writer.setting_type("term_t", total);
  const std::string rule = extreme ? (sum == "minimum" ? "forest_least" : "forest_most") : "forest_add";
  policy = sum == "file_order" ? absl::StrCat("strobe::forest_in_order<", writer.config(), ">")
                               : absl::StrCat("strobe::forest_tree<", writer.config(), ", strobe::", rule, ">");
  return accumulator;
}

void write_scores(const Graph& graph, const Node& node, hls::LayerWriter& writer) {
  const auto terms = terms_of(graph, node);
  const int64_t most = most_terms(terms);
  std::vector<int64_t> term_tree;
  for (const auto& of_output : terms) {
    term_tree.insert(term_tree.end(), of_output.begin(), of_output.end());
    term_tree.resize(term_tree.size() + static_cast<size_t>(most) - of_output.size(), -1);
  }
  writer.setting("outputs", static_cast<int64_t>(terms.size()));
  writer.setting("terms", most);
  writer.setting("term_levels", hls::tree_levels(most));
  writer.setting_table("term_tree", term_tree);
  writer.setting("leaf_columns", node.constant("tree_output") ? 1 : static_cast<int64_t>(terms.size()));
  writer.setting_type("leaf_whole_t", whole(Format::of(node.constant("leaf_value")->type.types[0])));
  writer.setting_table("leaf", node.constant("leaf_value")->raw);
  writer.setting_table("base", node.constant("base")->raw);
  std::string policy;
  const Format total = write_sum(node, most, writer, policy);
  Format scale = {false, 1, 1};
  if (const Constant* constant = node.constant("scale")) {
    scale = Format::of(constant->type.types[0]);
    writer.setting_number("scale", *constant);
  } else {
    writer.setting_number("scale", 1, scale);
  }
  const std::string y = writer.result(hls::product(total, scale));
  writer.statement(
      absl::StrCat("strobe::forest<", writer.config(), ", ", policy, " >(", writer.input().name, ", ", y, ")"));
}

}  // namespace

hls::Plan plan_hls_forest(const Graph& graph, const Node& node) {
  const ForestShape shape = forest_shape(graph, node);
  // One cycle compares, then the answers choose a leaf level by level, four to a cycle, and a cycle converts.
  hls::Plan plan;
  plan.depth = 2 + static_cast<int>((shape.depth + 3) / 4);
  if (node.text("result") == "leaves") return plan;
  const auto terms = static_cast<int>(most_terms(terms_of(graph, node)));
  // Two levels of exact additions a cycle; those that convert need a cycle each.
  const std::string sum = node.text("sum", "exact");
  plan.depth += sum == "file_order" ? terms
                : sum == "balanced" ? hls::tree_levels(terms) + 1
                                    : (hls::tree_levels(terms + 1) + 1) / 2;
  if (node.constant("scale") != nullptr) {
    ++plan.depth;
    plan.multipliers = graph.tensor(node.outputs[0]).type.elements();
  }
  return plan;
}

absl::Status write_hls_forest(const Graph& graph, const Node& node, hls::LayerWriter& writer) {
  writer.include("layers/forest/forest_hls.h");
  writer.plan(plan_hls_forest(graph, node));
  if (absl::Status s = write_answers(graph, node, writer); !s.ok()) return s;
  if (absl::Status s = write_trees(node, writer); !s.ok()) return s;
  if (node.text("result") == "leaves") {
    write_leaf_ids(node, writer);
  } else {
    write_scores(graph, node, writer);
  }
  return absl::OkStatus();
}

}  // namespace strobe::layers
