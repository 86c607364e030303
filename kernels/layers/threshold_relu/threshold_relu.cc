#include "kernels/layers/threshold_relu/threshold_relu.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  if (absl::Status s = expect_constant(graph, node, "theta"); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  int bits = 0;
  for (int64_t e = 0; e < in.elements(); ++e)
    bits = std::max(bits, united(extent(in.at(e)), extent_at(*node.constant("theta"), 0)).bits());
  return expect_bits(graph, node, bits);
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const Exact theta = constant_at(*view.node.constant("theta"), 0);
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    const Exact y = theta < x ? x : Exact{};
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  return with_plan(elementwise_cost(graph, node, 1, 0), plan_hls_threshold_relu(graph, node));
}

}  // namespace

const Layer kThresholdReluLayer = {"threshold_relu",       "x above theta, else 0", verify, reference, cost,
                                   emulate_threshold_relu, write_hls_threshold_relu};

}  // namespace strobe::layers
