#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_threshold_relu(const model::Graph& graph, const model::Node& node,
                                    emulator::ProgramBuilder& builder) {
  const model::Constant& theta = *node.constant("theta");
  const emulator::ValueId zero = builder.constant(0);
  emulator::emulate_elementwise(graph, node, builder, [&](emulator::ValueId x, int64_t) {
    return builder.select(builder.constant(theta, 0), x, zero, x);
  });
  return absl::OkStatus();
}

}  // namespace strobe::layers
