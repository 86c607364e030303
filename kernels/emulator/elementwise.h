#pragma once

#include <utility>
#include <vector>

#include "kernels/emulator/program_builder.h"

namespace strobe::emulator {

/// Emulates a layer of one input whose elements do not meet: `function(x, e)` is the exact result for element e, which
/// is then cast to the type of the output's element.
template <class Function>
void emulate_elementwise(const model::Graph& graph, const model::Node& node, ProgramBuilder& builder,
                         Function function) {
  const model::TensorType& out = graph.tensor(node.outputs[0]).type;
  std::vector<ValueId> result;
  for (int64_t e = 0; e < out.elements(); ++e) {
    const ValueId x = builder.tensor(node.inputs[0])[e];
    result.push_back(builder.cast(function(x, e), out.at(e)));
  }
  builder.define(node.outputs[0], std::move(result));
}

}  // namespace strobe::emulator
