#include "kernels/emulator/program_builder.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_concatenate(const model::Graph& graph, const model::Node& node,
                                 emulator::ProgramBuilder& builder) {
  const model::TensorType& out = graph.tensor(node.outputs[0]).type;
  int64_t outer = 1;
  for (int64_t a = 0; a < node.integer("axis"); ++a) outer *= out.shape[a];
  std::vector<emulator::ValueId> result;
  for (int64_t o = 0; o < outer; ++o) {
    for (const model::TensorId id : node.inputs) {
      const int64_t block = graph.tensor(id).type.elements() / outer;
      for (int64_t k = 0; k < block; ++k) {
        const emulator::ValueId x = builder.tensor(id)[o * block + k];
        result.push_back(builder.cast(x, out.at(static_cast<int64_t>(result.size()))));
      }
    }
  }
  builder.define(node.outputs[0], std::move(result));
  return absl::OkStatus();
}

}  // namespace strobe::layers
