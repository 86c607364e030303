#include "kernels/layers/transpose/transpose.h"

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Shape;

absl::Status verify(const model::Graph& graph, const model::Node& node) {
  if (absl::Status s = expect_inputs(node, 1); !s.ok()) return s;
  const Shape& in = graph.tensor(node.inputs[0]).type.shape;
  const Shape& out = graph.tensor(node.outputs[0]).type.shape;
  const std::vector<int64_t> permutation = node.integers("permutation");
  std::vector<int64_t> sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  bool valid = permutation.size() == in.size() && out.size() == in.size();
  for (size_t a = 0; valid && a < sorted.size(); ++a) valid = sorted[a] == static_cast<int64_t>(a);
  for (size_t a = 0; valid && a < in.size(); ++a) valid = out[a] == in[permutation[a]];
  if (!valid) {
    return layer_error(node, absl::StrCat("permutation ", model::to_string(permutation), " does not turn ",
                                          model::to_string(in), " into ", model::to_string(out)));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<int64_t> transposed_sources(const Shape& in, const std::vector<int64_t>& permutation) {
  std::vector<int64_t> in_stride(in.size(), 1);
  for (size_t a = in.size(); a-- > 1;) in_stride[a - 1] = in_stride[a] * in[a];
  std::vector<int64_t> sources(model::element_count(in), 0);
  int64_t out_stride = 1;
  for (size_t a = in.size(); a-- > 0;) {
    const int64_t extent = in[permutation[a]];
    for (size_t e = 0; e < sources.size(); ++e) {
      sources[e] += (static_cast<int64_t>(e) / out_stride) % extent * in_stride[permutation[a]];
    }
    out_stride *= extent;
  }
  return sources;
}

namespace {

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const std::vector<int64_t> sources = transposed_sources(in.shape, view.node.integers("permutation"));
  for (int64_t e = 0; e < out.elements(); ++e) {
    view.outputs[0][e] = cast(exact(view.inputs[0][sources[e]], in.at(sources[e])), out.at(e), view.overflow);
  }
}

Cost cost(const model::Graph& graph, const model::Node& node) { return with_plan({}, plan_hls_transpose(graph, node)); }

}  // namespace

const Layer kTransposeLayer = {"transpose",       "axes reordered",   verify, reference, cost,
                               emulate_transpose, write_hls_transpose};

}  // namespace strobe::layers
