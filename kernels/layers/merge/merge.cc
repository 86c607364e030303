#include "kernels/layers/merge/merge.h"

#include <bit>

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

/// Grid bits that a mean of n terms gets more: ceil(log2 n).
int mean_bits(size_t n) { return static_cast<int>(std::bit_width(n - 1)); }

/// Of the exact result of one element and every step towards it.
int exact_bits(const Graph& graph, const Node& node, int64_t e) {
  int bits = 0;
  int finest = 0;
  Extent y;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto& in = graph.tensor(node.inputs[i]).type;
    const model::FixedType& type = in.at(in.elements() == 1 ? 0 : e);
    const Extent x = extent(type);
    finest = i == 0 ? type.fraction() : std::max(finest, type.fraction());
    const bool chooses = node.op == "maximum" || node.op == "minimum";
    y = i == 0 ? x : node.op == "multiply" ? y * x : chooses ? united(y, x) : y + x;
    bits = std::max(bits, y.bits());
  }
  if (node.op != "average") return bits;
  y.fraction = finest + mean_bits(node.inputs.size());
  return std::max(bits, y.bits());
}

absl::Status verify(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 2 || node.outputs.size() != 1)
    return layer_error(node, "expected two or more inputs and one output");
  if (node.op == "subtract" && node.inputs.size() != 2) return layer_error(node, "expected two inputs");
  const auto& out = graph.tensor(node.outputs[0]).type;
  for (const model::TensorId id : node.inputs) {
    const auto& in = graph.tensor(id).type;
    if (in.shape != out.shape && in.elements() != 1) {
      return layer_error(node, absl::StrCat("input '", graph.tensor(id).name, "' is ", model::to_string(in.shape),
                                            ", output ", model::to_string(out.shape)));
    }
  }
  int bits = 0;
  for (int64_t e = 0; e < out.elements(); ++e) bits = std::max(bits, exact_bits(graph, node, e));
  return expect_bits(graph, node, bits);
}

Exact combine(const std::string& op, Exact a, Exact b) {
  if (op == "subtract") return a - b;
  if (op == "multiply") return a * b;
  if (op == "maximum") return std::max(a, b);
  if (op == "minimum") return std::min(a, b);
  return a + b;  // add, average
}

/// The sum over n, truncated towards zero on a grid finer by the bits of n.
Exact divide(Exact sum, int64_t n) {
  const int bits = mean_bits(static_cast<size_t>(n));
  return {(sum.value << bits) / n, sum.fraction + bits};
}

void reference(const EventView& view) {
  const Node& node = view.node;
  const auto& out = view.output_type();
  for (int64_t e = 0; e < out.elements(); ++e) {
    Exact y;
    int finest = 0;  // whatever the values: zeros lose their grid in sums
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto& in = view.input_type(i);
      const int64_t index = in.elements() == 1 ? 0 : e;
      const Exact x = exact(view.inputs[i][index], in.at(index));
      finest = i == 0 ? x.fraction : std::max(finest, x.fraction);
      y = i == 0 ? x : combine(node.op, y, x);
    }
    if (node.op == "average" && y.value != 0) {
      y = divide({y.value << (finest - y.fraction), finest}, static_cast<int64_t>(node.inputs.size()));
    }
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  const int terms = static_cast<int>(node.inputs.size()) - 1;
  const Cost cost =
      node.op == "multiply" ? elementwise_cost(graph, node, 0, terms) : elementwise_cost(graph, node, terms, 0);
  return with_plan(cost, plan_hls_merge(graph, node));
}

}  // namespace

const Layer kAddLayer = {"add", "sum of inputs", verify, reference, cost, emulate_merge, write_hls_merge};
const Layer kSubtractLayer = {"subtract",     "difference of two inputs", verify, reference, cost, emulate_merge,
                              write_hls_merge};
const Layer kMultiplyLayer = {"multiply", "product of inputs", verify, reference, cost, emulate_merge, write_hls_merge};
const Layer kMaximumLayer = {"maximum", "largest of inputs", verify, reference, cost, emulate_merge, write_hls_merge};
const Layer kMinimumLayer = {"minimum", "smallest of inputs", verify, reference, cost, emulate_merge, write_hls_merge};
const Layer kAverageLayer = {"average", "mean of inputs", verify, reference, cost, emulate_merge, write_hls_merge};

}  // namespace strobe::layers
