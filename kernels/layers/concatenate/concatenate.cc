#include "kernels/layers/concatenate/concatenate.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Node;
using model::Shape;

absl::Status verify(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.outputs.size() != 1) return layer_error(node, "expected inputs and one output");
  const Shape& out = graph.tensor(node.outputs[0]).type.shape;
  const int64_t axis = node.integer("axis");
  if (axis < 0 || axis >= static_cast<int64_t>(out.size()))
    return layer_error(node, absl::StrCat("axis ", axis, " does not exist"));
  int64_t joined = 0;
  for (const model::TensorId id : node.inputs) {
    Shape shape = graph.tensor(id).type.shape;
    if (shape.size() != out.size()) return layer_error(node, "input '" + graph.tensor(id).name + "' has another rank");
    joined += shape[axis];
    shape[axis] = out[axis];
    if (shape != out) {
      return layer_error(
          node, absl::StrCat("input '", graph.tensor(id).name, "' is ", model::to_string(graph.tensor(id).type.shape),
                             ", output ", model::to_string(out)));
    }
  }
  if (joined != out[axis])
    return layer_error(node, absl::StrCat("inputs have ", joined, " along the axis, output ", out[axis]));
  return absl::OkStatus();
}

void reference(const EventView& view) {
  const auto& out = view.output_type();
  const int64_t axis = view.node.integer("axis");
  int64_t outer = 1;
  for (int64_t a = 0; a < axis; ++a) outer *= out.shape[a];
  int64_t target = 0;
  for (int64_t o = 0; o < outer; ++o) {
    for (size_t i = 0; i < view.inputs.size(); ++i) {
      const auto& in = view.input_type(i);
      const int64_t block = in.elements() / outer;
      for (int64_t k = 0; k < block; ++k, ++target) {
        const int64_t e = o * block + k;
        view.outputs[0][target] = cast(exact(view.inputs[i][e], in.at(e)), out.at(target), view.overflow);
      }
    }
  }
}

Cost cost(const Graph& graph, const Node& node) { return with_plan({}, plan_hls_concatenate(graph, node)); }

}  // namespace

const Layer kConcatenateLayer = {"concatenate",       "joins tensors along an axis", verify, reference, cost,
                                 emulate_concatenate, write_hls_concatenate};

}  // namespace strobe::layers
