#include "kernels/layers/table/table.h"

#include <cmath>

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

/// Of the scaled address, its divisor, and both branches' results brought to one grid.
int exact_bits(const Node& node, const model::FixedType& in) {
  const Extent x = extent(in);
  if (x.size == 0) return 0;
  const int grid = std::max(x.fraction, 0);
  const auto magnitude = [&](const char* name) { return std::abs(static_cast<long double>(node.integer(name, 1))); };
  int bits = std::max(Extent{x.size * magnitude("scale_numerator"), grid}.bits(),
                      Extent{magnitude("scale_denominator"), grid}.bits());
  Extent y = extent(node.constant("table")->type.at(0));
  if (const auto* scale = node.constant("negative_scale")) y = y * extent_at(*scale, 0);
  const std::string positive = node.text("positive");
  if (positive == "identity") y = united(y, x);
  if (positive == "scaled") y = united(y, x * extent_at(*node.constant("positive_scale"), 0));
  return std::max(bits, y.bits());
}

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  if (node.constant("table") == nullptr) return layer_error(node, "constant 'table' is missing");
  if (!node.constant("table")->type.is_uniform()) return layer_error(node, "constant 'table' must have one type");
  if (node.integer("scale_denominator") <= 0) return layer_error(node, "scale_denominator must be positive");
  const std::string positive = node.text("positive");
  if (!positive.empty() && positive != "identity" && positive != "scaled")
    return layer_error(node, "unknown positive branch '" + positive + "'");
  for (const char* name : {"positive_scale", "negative_scale"}) {
    const bool needed = positive == "scaled" && name == std::string_view("positive_scale");
    if (!needed && node.constant(name) == nullptr) continue;
    if (absl::Status s = expect_constant(graph, node, name); !s.ok()) return s;
  }
  const auto& in = graph.tensor(node.inputs[0]).type;
  int bits = 0;
  for (int64_t e = 0; e < in.elements(); ++e) bits = std::max(bits, exact_bits(node, in.at(e)));
  return expect_bits(graph, node, bits);
}

/// clamp(trunc(x numerator / denominator) + offset, 0, size - 1), truncated towards zero.
int64_t table_index(Exact x, const Node& node, int64_t size) {
  if (x.value == 0) return std::clamp<int64_t>(node.integer("offset"), 0, size - 1);
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
