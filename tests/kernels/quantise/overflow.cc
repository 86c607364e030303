#include "tests/kernels/quantise/overflow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/layers/support.h"

namespace strobe::testing {
namespace {

using layers::Exact;
using model::Node;

/// Names of the nodes whose type an activation's trained quantiser gave.
std::set<std::string> trained_nodes(const import::FloatModel& model) {
  std::set<std::string> names;
  for (const import::FloatLayer& layer : model.layers) {
    const std::string activation = layer.setting<std::string>("activation").value_or("linear");
    if (layer.quantizers.contains("output")) names.insert(layer.name);
    if (layer.quantizers.contains("activation")) names.insert(absl::StrCat(layer.name, "_", activation));
  }
  return names;
}

/// What converting a relu's or a quantiser's own results to the node's type changes.
model::OverflowCount of_conversion(const Node& node, const model::Graph& graph, const std::vector<int64_t>& x,
                                   size_t rows) {
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto& out = graph.tensor(node.outputs[0]).type;
  model::OverflowCount count;
  for (size_t i = 0; i < rows * static_cast<size_t>(in.elements()); ++i) {
    const int64_t e = static_cast<int64_t>(i) % in.elements();
    Exact value = layers::exact(x[i], in.at(e));
    if (node.op == "relu") value = std::max(value, Exact{});
    if (const auto* most = node.constant("max_value")) value = std::min(value, layers::constant_at(*most, 0));
    layers::cast(value, out.at(e), &count);
  }
  return count;
}

/// Distances to the largest logit that the table of exponentials ends before.
model::OverflowCount of_distances(const Node& node, const model::Graph& graph, const std::vector<int64_t>& x,
                                  size_t rows) {
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto axis = static_cast<size_t>(node.integer("axis"));
  const auto n = static_cast<size_t>(in.shape[axis]);
  size_t stride = 1;
  for (size_t a = axis + 1; a < in.shape.size(); ++a) stride *= static_cast<size_t>(in.shape[a]);
  model::OverflowCount count;
  for (size_t start = 0; start < rows * static_cast<size_t>(in.elements()); ++start) {
    if (start / stride % n != 0) continue;
    std::vector<Exact> logits;
    for (size_t k = 0; k < n; ++k) {
      const size_t e = start + k * stride;
      logits.push_back(layers::exact(x[e], in.at(static_cast<int64_t>(e) % in.elements())));
    }
    const Exact largest = *std::max_element(logits.begin(), logits.end());
    for (const Exact& logit : logits) {
      Exact distance = largest - logit;
      if (const auto* offset = node.constant("norm_offset")) distance = distance + layers::constant_at(*offset, 0);
      layers::cast(distance, *node.type("inp_norm"), &count);
    }
  }
  return count;
}

}  // namespace

void expect_overflow_only_by_design(const import::FloatModel& model, const model::Graph& graph,
                                    const layers::Evaluation& evaluation, size_t rows) {
  ASSERT_EQ(evaluation.tensors.size(), graph.tensors().size());
  const std::set<std::string> trained = trained_nodes(model);
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    const std::vector<int64_t>& x = evaluation.tensors[node.inputs[0]];
    model::OverflowCount expected;
    if (node.op == "softmax") {
      expected = of_distances(node, graph, x, rows);
    } else if (trained.contains(node.name) && (node.op == "relu" || node.op == "quantize")) {
      expected = of_conversion(node, graph, x, rows);
    }
    EXPECT_EQ(evaluation.overflow[n].wrapped, 0U) << node.name;
    EXPECT_EQ(expected.wrapped, 0U) << node.name;
    EXPECT_EQ(evaluation.overflow[n].saturated, expected.saturated) << node.name << "\n" << model::print(graph);
  }
}

}  // namespace strobe::testing
