#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_leaky_relu(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  const model::Constant& alpha = *node.constant("alpha");
  const emulator::ValueId zero = builder.constant(0);
  emulator::emulate_elementwise(graph, node, builder, [&](emulator::ValueId x, int64_t e) {
    const emulator::Term scaled[] = {builder.term(x, alpha, e)};
    return builder.select(x, zero, x, builder.linear(scaled));
  });
  return absl::OkStatus();
}

}  // namespace strobe::layers
