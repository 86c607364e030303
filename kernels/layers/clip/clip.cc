#include "kernels/layers/clip/clip.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  for (const char* name : {"slope", "shift", "low", "high"}) {
    if (absl::Status s = expect_constant(graph, node, name); !s.ok()) return s;
  }
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto constant = [&](const char* name) { return extent_at(*node.constant(name), 0); };
  int bits = 0;
  for (int64_t e = 0; e < in.elements(); ++e) {
    const Extent line = constant("slope") * extent(in.at(e)) + constant("shift");
    bits = std::max(bits, united(line, united(constant("low"), constant("high"))).bits());
  }
  return expect_bits(graph, node, bits);
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const auto constant = [&](const char* name) { return constant_at(*view.node.constant(name), 0); };
  const Exact slope = constant("slope"), shift = constant("shift"), low = constant("low"), high = constant("high");
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    const Exact y = std::min(std::max(slope * x + shift, low), high);
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  return with_plan(elementwise_cost(graph, node, 1, 1), plan_hls_clip(graph, node));
}

}  // namespace

const Layer kClipLayer = {"clip",        "slope x + shift between two limits", verify, reference, cost, emulate_clip,
                          write_hls_clip};

}  // namespace strobe::layers
