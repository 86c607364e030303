#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_sign(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  const emulator::ValueId minus_one = builder.constant(-1);
  const emulator::ValueId zero = builder.constant(0);
  const emulator::ValueId one = builder.constant(1);
  if (node.text("mode") == "binary") {
    const model::Constant& threshold = *node.constant("threshold");
    emulator::emulate_elementwise(graph, node, builder, [&](emulator::ValueId x, int64_t e) {
      return builder.select(x, builder.constant(threshold, e), one, minus_one);
    });
    return absl::OkStatus();
  }
  const auto inner = node.type("inner");
  emulator::emulate_elementwise(graph, node, builder, [&](emulator::ValueId x, int64_t e) {
    const emulator::Term scaled[] = {builder.term(x, node.integer("factor", 1), 0)};
    emulator::ValueId d = builder.linear(scaled);
    if (inner) d = builder.cast(d, *inner);
    const emulator::ValueId not_low = builder.select(builder.constant(*node.constant("low"), e), d, minus_one, zero);
    return builder.select(builder.constant(*node.constant("high"), e), d, not_low, one);
  });
  return absl::OkStatus();
}

}  // namespace strobe::layers
