#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_relu(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  const model::Constant* max_value = node.constant("max_value");
  const emulator::ValueId zero = builder.constant(0);
  emulator::emulate_elementwise(graph, node, builder, [&](emulator::ValueId x, int64_t e) {
    const emulator::ValueId y = builder.maximum(x, zero);
    return max_value == nullptr ? y : builder.minimum(y, builder.constant(*max_value, e));
  });
  return absl::OkStatus();
}

}  // namespace strobe::layers
