#include "kernels/emulator/program_builder.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

using emulator::Term;
using emulator::ValueId;

absl::Status emulate_dense(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder) {
  const model::Constant& weight = *node.constant("weight");
  const model::Constant* bias = node.constant("bias");
  const auto accum = node.type("accum");
  const model::TensorType& out = graph.tensor(node.outputs[0]).type;
  const std::span<const ValueId> x = builder.tensor(node.inputs[0]);
  const std::vector<ValueId> inputs(x.begin(), x.end());
  const int64_t n_in = weight.type.shape[0];
  const int64_t n_out = weight.type.shape[1];
  std::vector<ValueId> y;
  std::vector<Term> terms;
  for (int64_t e = 0; e < out.elements(); ++e) {
    const int64_t j = e % n_out;
    terms.clear();
    if (bias != nullptr && bias->type.at(j).width > 0) {
      terms.push_back(emulator::ProgramBuilder::constant_term(bias->raw[j], bias->type.at(j).fraction()));
    }
    for (int64_t i = 0; i < n_in; ++i)
      terms.push_back(builder.term(inputs[e / n_out * n_in + i], weight, i * n_out + j));
    y.push_back(builder.cast(accum ? builder.accumulate(terms, *accum) : builder.linear(terms), out.at(e)));
  }
  builder.define(node.outputs[0], std::move(y));
  return absl::OkStatus();
}

}  // namespace strobe::layers
