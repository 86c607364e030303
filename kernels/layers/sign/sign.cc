#include "kernels/layers/sign/sign.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  const std::string mode = node.text("mode");
  if (mode != "binary" && mode != "ternary") return layer_error(node, "mode is '" + mode + "', not binary or ternary");
  return expect_constant(graph, node, "threshold");
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const Exact threshold = constant_at(*view.node.constant("threshold"), 0);
  const bool binary = view.node.text("mode") == "binary";
  const Exact factor = {view.node.integer("factor", 1), 0};
  const auto inner = view.node.type("inner");
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    Exact d = binary ? x : x * factor;
    if (inner) d = exact(cast(d, *inner, view.overflow), *inner);
    Exact y;
    if (binary) {
      y.value = d < threshold ? -1 : 1;
    } else {
      y.value = threshold < d ? 1 : -threshold < d ? 0 : -1;
    }
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) { return elementwise_cost(graph, node, 1, 0); }

}  // namespace

const Layer kSignLayer = {"sign", "binary or ternary step", verify, reference, cost, nullptr, nullptr};

}  // namespace strobe::layers
