#include "kernels/emulator/elementwise.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

using emulator::Term;
using emulator::ValueId;

absl::Status emulate_table(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  const auto size = static_cast<int64_t>(node.constant("table")->raw.size());
  const emulator::TableId table = builder.add_table(*node.constant("table"));
  const model::Constant* negative_scale = node.constant("negative_scale");
  const std::string positive = node.text("positive");
  const ValueId zero = builder.constant(0);
  emulator::emulate_elementwise(graph, node, builder, [&](ValueId x, int64_t) {
    const ValueId index = builder.index(x, node.integer("scale_numerator", 1), node.integer("scale_denominator", 1),
                                        node.integer("offset"), size);
    ValueId y = builder.lookup(table, index);
    if (negative_scale != nullptr) y = builder.linear(std::vector<Term>{builder.term(y, *negative_scale, 0)});
    if (positive == "identity") return builder.select(x, zero, x, y);
    if (positive != "scaled") return y;
    const ValueId scaled = builder.linear(std::vector<Term>{builder.term(x, *node.constant("positive_scale"), 0)});
    return builder.select(x, zero, scaled, y);
  });
  return absl::OkStatus();
}

}  // namespace strobe::layers
