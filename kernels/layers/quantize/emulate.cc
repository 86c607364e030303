#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_quantize(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  emulator::emulate_elementwise(graph, node, builder, [](emulator::ValueId x, int64_t) { return x; });
  return absl::OkStatus();
}

}  // namespace strobe::layers
