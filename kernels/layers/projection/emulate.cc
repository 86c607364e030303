#include "kernels/emulator/program_builder.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

absl::Status emulate_projection(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  const auto& out = graph.tensor(node.outputs[0]).type;
  const auto x = builder.tensor(node.inputs[0]);
  const model::Constant& weight = *node.constant("weight");
  std::vector<emulator::ValueId> results;
  for (int64_t j = 0; j < out.elements(); ++j) {
    emulator::ValueId sum = builder.cast(builder.constant(0), out.at(j));
    for (size_t i = 0; i < x.size(); ++i) {
      const auto w = j * static_cast<int64_t>(x.size()) + static_cast<int64_t>(i);
      if (weight.raw[w] == 0) continue;
      const emulator::Term terms[] = {builder.term(sum, 1, 0), builder.term(x[i], weight, w)};
      sum = builder.cast(builder.linear(terms), out.at(j));
    }
    results.push_back(sum);
  }
  builder.define(node.outputs[0], std::move(results));
  return absl::OkStatus();
}

}  // namespace strobe::layers
