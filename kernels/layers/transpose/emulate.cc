#include "kernels/emulator/program_builder.h"
#include "kernels/layers/hooks.h"
#include "kernels/layers/transpose/transpose.h"

namespace strobe::layers {

absl::Status emulate_transpose(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  const model::TensorType& in = graph.tensor(node.inputs[0]).type;
  const model::TensorType& out = graph.tensor(node.outputs[0]).type;
  std::vector<emulator::ValueId> result;
  for (const int64_t source : transposed_sources(in.shape, node.integers("permutation"))) {
    const emulator::ValueId x = builder.tensor(node.inputs[0])[source];
    result.push_back(builder.cast(x, out.at(static_cast<int64_t>(result.size()))));
  }
  builder.define(node.outputs[0], std::move(result));
  return absl::OkStatus();
}

}  // namespace strobe::layers
