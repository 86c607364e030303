#include "kernels/layers/quantize/quantize.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) { return expect_elementwise(graph, node); }

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    const Exact y = x;
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  return with_plan(elementwise_cost(graph, node, 0, 0), plan_hls_quantize(graph, node));
}

}  // namespace

const Layer kQuantizeLayer = {"quantize",       "converts to another type", verify, reference, cost,
                              emulate_quantize, write_hls_quantize};

}  // namespace strobe::layers
