#include "kernels/layers/sign/sign.h"

#include <cmath>

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
  const std::vector<const char*> limits = mode == "binary" ? std::vector{"threshold"} : std::vector{"high", "low"};
  for (const char* name : limits) {
    if (absl::Status s = expect_constant(graph, node, name, /*per_channel=*/true); !s.ok()) return s;
  }
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto inner = node.type("inner");
  const Extent factor = {mode == "binary" ? 1.0L : std::abs(static_cast<long double>(node.integer("factor", 1))), 0};
  int bits = 0;
  for (int64_t e = 0; e < in.elements(); ++e) {
    Extent compared = extent(in.at(e)) * factor;
    bits = std::max(bits, compared.bits());
    if (mode == "ternary" && inner) compared = extent(*inner);
    for (const char* name : limits) {
      const model::Constant& limit = *node.constant(name);
      bits = std::max(bits, united(compared, extent_at(limit, e % static_cast<int64_t>(limit.raw.size()))).bits());
    }
  }
  return expect_bits(graph, node, bits);
}

void reference(const EventView& view) {
  const Node& node = view.node;
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const auto constant = [&](const char* name, int64_t e) {
    const model::Constant& values = *node.constant(name);
    return constant_at(values, e % static_cast<int64_t>(values.raw.size()));
  };
  const bool binary = node.text("mode") == "binary";
  const Exact factor = {node.integer("factor", 1), 0};
  const auto inner = node.type("inner");
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    Exact y;
    if (binary) {
      y.value = x < constant("threshold", e) ? -1 : 1;
    } else {
      Exact d = x * factor;
      if (inner) d = exact(cast(d, *inner, view.overflow), *inner);
      y.value = constant("high", e) < d ? 1 : constant("low", e) < d ? 0 : -1;
    }
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  return with_plan(elementwise_cost(graph, node, 1, 0), plan_hls_sign(graph, node));
}

}  // namespace

const Layer kSignLayer = {"sign", "binary or ternary step", verify, reference, cost, emulate_sign, write_hls_sign};

}  // namespace strobe::layers
