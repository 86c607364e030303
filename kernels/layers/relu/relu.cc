#include "kernels/layers/relu/relu.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  if (node.constant("max_value") == nullptr) return absl::OkStatus();
  if (absl::Status s = expect_constant(graph, node, "max_value"); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  int bits = 0;
  for (int64_t e = 0; e < in.elements(); ++e)
    bits = std::max(bits, united(extent(in.at(e)), extent_at(*node.constant("max_value"), e)).bits());
  return expect_bits(graph, node, bits);
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const model::Constant* max_value = view.node.constant("max_value");
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    Exact y = x.value > 0 ? x : Exact{};
    if (max_value != nullptr) y = std::min(y, constant_at(*max_value, e));
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  return with_plan(elementwise_cost(graph, node, 0, 0), plan_hls_relu(graph, node));
}

}  // namespace

const Layer kReluLayer = {"relu", "max(x, 0)", verify, reference, cost, emulate_relu, write_hls_relu};

}  // namespace strobe::layers
