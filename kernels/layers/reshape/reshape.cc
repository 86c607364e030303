#include "kernels/layers/reshape/reshape.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

absl::Status verify(const model::Graph& graph, const model::Node& node) {
  if (absl::Status s = expect_inputs(node, 1); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto& out = graph.tensor(node.outputs[0]).type;
  if (in.elements() != out.elements()) {
    return layer_error(node,
                       absl::StrCat("cannot make ", model::to_string(out.shape), " of ", model::to_string(in.shape)));
  }
  return absl::OkStatus();
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  for (int64_t e = 0; e < out.elements(); ++e) {
    view.outputs[0][e] = cast(exact(view.inputs[0][e], in.at(e)), out.at(e), view.overflow);
  }
}

Cost cost(const model::Graph& graph, const model::Node& node) { return with_plan({}, plan_hls_reshape(graph, node)); }

}  // namespace

const Layer kReshapeLayer = {"reshape",        "another shape, same elements", verify, reference, cost, emulate_reshape,
                             write_hls_reshape};

}  // namespace strobe::layers
