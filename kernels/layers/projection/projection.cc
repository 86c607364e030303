#include "kernels/layers/projection/projection.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_inputs(node, 1); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto& out = graph.tensor(node.outputs[0]).type;
  if (in.shape.size() != 1 || out.shape.size() != 1) return layer_error(node, "expected one axis of input and output");
  const model::Constant* weight = node.constant("weight");
  const model::Shape expected = {out.elements(), in.elements()};
  if (weight == nullptr || weight->type.shape != expected) {
    return layer_error(node, absl::StrCat("constant 'weight' must be ", model::to_string(expected)));
  }
  int bits = 0;
  for (int64_t j = 0; j < out.elements(); ++j) {
    for (int64_t i = 0; i < in.elements(); ++i) {
      const Extent term = extent(in.at(i)) * extent_at(*weight, j * in.elements() + i);
      bits = std::max(bits, (extent(out.at(j)) + term).bits());
    }
  }
  return expect_bits(graph, node, bits);
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const model::Constant& weight = *view.node.constant("weight");
  for (int64_t j = 0; j < out.elements(); ++j) {
    int64_t sum = 0;
    for (int64_t i = 0; i < in.elements(); ++i) {
      const int64_t w = j * in.elements() + i;
      if (weight.raw[w] == 0) continue;
      const Exact product = exact(view.inputs[0][i], in.at(i)) * exact(weight.raw[w], weight.type.at(w));
      sum = cast(exact(sum, out.at(j)) + product, out.at(j), view.overflow);
    }
    view.outputs[0][j] = sum;
  }
}

Cost cost(const Graph& graph, const Node& node) {
  const auto& in = graph.tensor(node.inputs[0]).type;
  const model::Constant& weight = *node.constant("weight");
  Cost cost;
  for (size_t w = 0; w < weight.raw.size(); ++w) {
    if (weight.raw[w] == 0) continue;
    const auto element = static_cast<int64_t>(w);
    ++cost.multiplications;
    cost.bit_operations += in.at(element % in.elements()).width * weight.type.at(element).width;
  }
  cost.additions = cost.multiplications;
  cost.effective_bit_operations = cost.bit_operations;
  return with_plan(cost, plan_hls_projection(graph, node));
}

}  // namespace

const Layer kProjectionLayer = {"projection",
                                "linear combinations, converted after each addition",
                                verify,
                                reference,
                                cost,
                                emulate_projection,
                                write_hls_projection};

}  // namespace strobe::layers
