#include "kernels/emulator/program_builder.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

/// The engine without a forest; with one, the emulator runs the forest's own graph.
absl::Status emulate_forest_engine(const model::Graph& graph, const model::Node& node,
                                   emulator::ProgramBuilder& builder) {
  const auto outputs = static_cast<size_t>(graph.tensor(node.outputs[0]).type.elements());
  builder.define(node.outputs[0], std::vector<emulator::ValueId>(outputs, builder.constant(0)));
  return absl::OkStatus();
}

}  // namespace strobe::layers
