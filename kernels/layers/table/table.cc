#include "kernels/layers/table/table.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  if (node.constant("table") == nullptr) return layer_error(node, "constant 'table' is missing");
  if (node.integer("scale_denominator") <= 0) return layer_error(node, "scale_denominator must be positive");
  const std::string positive = node.text("positive");
  if (positive == "scaled") return expect_constant(graph, node, "positive_scale");
  if (!positive.empty() && positive != "identity")
    return layer_error(node, "unknown positive branch '" + positive + "'");
  return absl::OkStatus();
}

/// clamp(trunc(x numerator / denominator) + offset, 0, size - 1), truncated towards zero.
int64_t table_index(Exact x, const Node& node, int64_t size) {
  model::Wide scaled = x.value * node.integer("scale_numerator", 1);
  model::Wide divisor = node.integer("scale_denominator", 1);
  if (x.fraction >= 0) {
    divisor <<= x.fraction;
  } else {
    scaled <<= -x.fraction;
  }
  const model::Wide index = scaled / divisor + node.integer("offset");  // C++ divides towards zero
  return static_cast<int64_t>(std::clamp<model::Wide>(index, 0, size - 1));
}

void reference(const EventView& view) {
  const Node& node = view.node;
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const model::Constant& table = *node.constant("table");
  const model::Constant* negative_scale = node.constant("negative_scale");
  const std::string positive = node.text("positive");
  for (int64_t e = 0; e < out.elements(); ++e) {
    const Exact x = exact(view.inputs[0][e], in.at(e));
    Exact y;
    if (x.value >= 0 && positive == "identity") {
      y = x;
    } else if (x.value >= 0 && positive == "scaled") {
      y = x * constant_at(*node.constant("positive_scale"), 0);
    } else {
      y = constant_at(table, table_index(x, node, static_cast<int64_t>(table.raw.size())));
      if (negative_scale != nullptr) y = y * constant_at(*negative_scale, 0);
    }
    view.outputs[0][e] = cast(y, out.at(e), view.overflow);
  }
}

Cost cost(const Graph& graph, const Node& node) {
  return with_plan(elementwise_cost(graph, node, 0, 0), plan_hls_table(graph, node));
}

}  // namespace

const Layer kTableLayer = {"table", "a function by table", verify, reference, cost, emulate_table, write_hls_table};

}  // namespace strobe::layers
