#include "kernels/layers/support.h"

#include <cmath>

namespace strobe::layers {

using model::Graph;
using model::Node;

int Extent::bits() const {
  if (size == 0) return 0;
  constexpr long double kFarBeyond = 1 << 20;  // also where the size itself left its range
  const long double digits = std::floor(std::log2(size)) + 2 + static_cast<long double>(fraction);
  return static_cast<int>(std::clamp(digits, 1.0L, kFarBeyond));
}

Extent extent(const model::FixedType& type) {
  const auto largest = static_cast<long double>(type.max_raw() + (type.is_signed && type.width > 0 ? 1 : 0));
  return {std::ldexp(largest, -type.fraction()), type.fraction()};
}

Extent extent_at(const model::Constant& constant, int64_t index) {
  const Exact value = constant_at(constant, index);
  return {std::ldexp(std::abs(static_cast<long double>(value.value)), -value.fraction), value.fraction};
}

Extent united(Extent a, Extent b) {
  if (a.size == 0) return b;
  if (b.size == 0) return a;
  return {std::max(a.size, b.size), std::max(a.fraction, b.fraction)};
}

Extent operator+(Extent a, Extent b) {
  const long double size = a.size + b.size;
  return {size, united(a, b).fraction};
}

Extent operator*(Extent a, Extent b) {
  if (a.size == 0 || b.size == 0) return {};
  return {a.size * b.size, a.fraction + b.fraction};
}

absl::Status expect_bits(const Graph& graph, const Node& node, int bits) {
  constexpr int kMost = 126;
  if (bits <= kMost) return absl::OkStatus();
  std::string types;
  const auto list = [&](const std::string& what, const model::TensorType& type) {
    absl::StrAppend(&types, types.empty() ? "" : ", ", what, " ", type.to_string());
  };
  for (const model::TensorId id : node.inputs)
    list(absl::StrCat("input '", graph.tensor(id).name, "'"), graph.tensor(id).type);
  for (const model::TensorId id : node.outputs)
    list(absl::StrCat("output '", graph.tensor(id).name, "'"), graph.tensor(id).type);
  for (const auto& [name, constant] : node.constants) list(absl::StrCat("constant '", name, "'"), constant.type);
  return layer_error(
      node, absl::StrCat("exact results need ", bits, " bits; at most ", kMost, " are supported; its types: ", types));
}

absl::Status expect_inputs(const Node& node, size_t count) {
  if (node.inputs.size() != count || node.outputs.size() != 1) {
    return layer_error(node, absl::StrCat("expected ", count, " inputs and 1 output, found ", node.inputs.size(),
                                          " and ", node.outputs.size()));
  }
  return absl::OkStatus();
}

absl::Status expect_elementwise(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_inputs(node, 1); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto& out = graph.tensor(node.outputs[0]).type;
  if (in.shape != out.shape) {
    return layer_error(node, absl::StrCat("input is ", model::to_string(in.shape), ", output ",
                                          model::to_string(out.shape), "; must be equal"));
  }
  return absl::OkStatus();
}

absl::Status expect_constant(const Graph& graph, const Node& node, std::string_view name, bool per_channel) {
  const model::Constant* constant = node.constant(name);
  if (constant == nullptr) return layer_error(node, absl::StrCat("constant '", std::string(name), "' is missing"));
  const auto& type = graph.tensor(node.outputs[0]).type;
  const auto size = static_cast<int64_t>(constant->raw.size());
  const bool channel = per_channel && !type.shape.empty() && size == type.shape.back();
  if (size != 1 && size != type.elements() && !channel) {
    return layer_error(node, absl::StrCat("constant '", std::string(name), "' has ", size, " values, the layer ",
                                          type.elements(), " elements"));
  }
  return absl::OkStatus();
}

Cost elementwise_cost(const Graph& graph, const Node& node, int additions, int multiplications) {
  const int64_t elements = graph.tensor(node.outputs[0]).type.elements();
  Cost cost;
  cost.additions = additions * elements;
  cost.multiplications = multiplications * elements;
  return cost;
}

Cost with_plan(Cost cost, const hls::Plan& plan) {
  cost.planned_multipliers = plan.multipliers;
  cost.planned_initiation_interval = plan.initiation_interval;
  cost.planned_depth = plan.depth;
  return cost;
}

}  // namespace strobe::layers
