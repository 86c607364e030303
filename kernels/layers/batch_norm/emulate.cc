#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_batch_norm(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  emulator::emulate_elementwise(graph, node, builder, [&](emulator::ValueId x, int64_t e) {
    const emulator::ValueId bias = builder.constant(*node.constant("bias"), e);
    const emulator::Term line[] = {builder.term(x, *node.constant("scale"), e), builder.term(bias, 1, 0)};
    return builder.linear(line);
  });
  return absl::OkStatus();
}

}  // namespace strobe::layers
