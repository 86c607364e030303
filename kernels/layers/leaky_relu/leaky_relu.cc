#include "kernels/layers/leaky_relu/leaky_relu.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  if (absl::Status s = expect_constant(graph, node, "alpha", /*per_channel=*/true); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  const model::Constant& alpha = *node.constant("alpha");
  int bits = 0;
  for (int64_t e = 0; e < in.elements(); ++e) {
    const Extent x = extent(in.at(e));
    bits = std::max(bits, united(x, x * extent_at(alpha, e % static_cast<int64_t>(alpha.raw.size()))).bits());
  }
  return expect_bits(graph, node, bits);
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const model::Constant& alpha = *view.node.constant("alpha");
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    const Exact y = x.value >= 0 ? x : x * constant_at(alpha, e % static_cast<int64_t>(alpha.raw.size()));
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  return with_plan(elementwise_cost(graph, node, 0, 1), plan_hls_leaky_relu(graph, node));
}

}  // namespace

const Layer kLeakyReluLayer = {"leaky_relu",       "x or alpha x",      verify, reference, cost,
                               emulate_leaky_relu, write_hls_leaky_relu};

}  // namespace strobe::layers
