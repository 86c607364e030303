#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_clip(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  const emulator::ValueId shift = builder.constant(*node.constant("shift"), 0);
  const emulator::ValueId low = builder.constant(*node.constant("low"), 0);
  const emulator::ValueId high = builder.constant(*node.constant("high"), 0);
  emulator::emulate_elementwise(graph, node, builder, [&](emulator::ValueId x, int64_t) {
    const emulator::Term line[] = {builder.term(x, *node.constant("slope"), 0), builder.term(shift, 1, 0)};
    return builder.minimum(builder.maximum(builder.linear(line), low), high);
  });
  return absl::OkStatus();
}

}  // namespace strobe::layers
