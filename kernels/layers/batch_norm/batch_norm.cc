#include "kernels/layers/batch_norm/batch_norm.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  if (absl::Status s = expect_constant(graph, node, "scale", /*per_channel=*/true); !s.ok()) return s;
  if (absl::Status s = expect_constant(graph, node, "bias", /*per_channel=*/true); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  const model::Constant& scale = *node.constant("scale");
  const model::Constant& bias = *node.constant("bias");
  int bits = 0;
  for (int64_t e = 0; e < in.elements(); ++e) {
    const Extent y = extent_at(scale, e % static_cast<int64_t>(scale.raw.size())) * extent(in.at(e)) +
                     extent_at(bias, e % static_cast<int64_t>(bias.raw.size()));
    bits = std::max(bits, y.bits());
  }
  return expect_bits(graph, node, bits);
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const model::Constant& scale = *view.node.constant("scale");
  const model::Constant& bias = *view.node.constant("bias");
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    const Exact y = constant_at(scale, e % static_cast<int64_t>(scale.raw.size())) * x +
                    constant_at(bias, e % static_cast<int64_t>(bias.raw.size()));
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  return with_plan(elementwise_cost(graph, node, 1, 1), plan_hls_batch_norm(graph, node));
}

}  // namespace

const Layer kBatchNormLayer = {"batch_norm",       "scale x + bias",    verify, reference, cost,
                               emulate_batch_norm, write_hls_batch_norm};

}  // namespace strobe::layers
