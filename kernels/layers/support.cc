#include "kernels/layers/support.h"

namespace strobe::layers {

using model::Graph;
using model::Node;

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
