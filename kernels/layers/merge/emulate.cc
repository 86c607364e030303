#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

using emulator::ProgramBuilder;
using emulator::ValueId;

ValueId combine(ProgramBuilder& builder, const std::string& op, ValueId a, ValueId b) {
  if (op == "subtract") return builder.subtract(a, b);
  if (op == "multiply") return builder.product(a, b);
  if (op == "maximum") return builder.maximum(a, b);
  if (op == "minimum") return builder.minimum(a, b);
  return builder.add(a, b);  // add, average
}

}  // namespace

absl::Status emulate_merge(const model::Graph& graph, const model::Node& node, ProgramBuilder& builder) {
  const model::TensorType& out = graph.tensor(node.outputs[0]).type;
  std::vector<ValueId> result;
  for (int64_t e = 0; e < out.elements(); ++e) {
    ValueId y = emulator::kNoValue;
    int finest = 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const model::TensorType& in = graph.tensor(node.inputs[i]).type;
      const int64_t index = in.elements() == 1 ? 0 : e;
      const ValueId x = builder.tensor(node.inputs[i])[index];
      finest = i == 0 ? in.at(index).fraction() : std::max(finest, in.at(index).fraction());
      y = i == 0 ? x : combine(builder, node.op, y, x);
    }
    if (node.op == "average") y = builder.quotient(y, static_cast<int64_t>(node.inputs.size()), finest);
    result.push_back(builder.cast(y, out.at(e)));
  }
  builder.define(node.outputs[0], std::move(result));
  return absl::OkStatus();
}

}  // namespace strobe::layers
