#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"
#include "kernels/layers/transpose/transpose.h"

namespace strobe::layers {

hls::Plan plan_hls_transpose(const model::Graph&, const model::Node&) { return {.depth = 0, .warning = {}}; }

absl::Status write_hls_transpose(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/transpose/transpose_hls.h");
  writer.plan(plan_hls_transpose(graph, node));
  const model::Shape& in = graph.tensor(node.inputs[0]).type.shape;
  const std::string sources = writer.indices("source", transposed_sources(in, node.integers("permutation")));
  const std::string y = writer.result(writer.input().format);
  writer.statement(
      absl::StrCat("strobe::transpose<", writer.config(), ">(", writer.input().name, ", ", sources, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
