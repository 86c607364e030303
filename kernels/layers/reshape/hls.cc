#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_reshape(const model::Graph&, const model::Node&) { return {.depth = 0, .warning = {}}; }

/// Elements lie in row-major order whatever the shape: a copy, which synthesis turns into wires.
absl::Status write_hls_reshape(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/quantize/quantize_hls.h");
  writer.plan(plan_hls_reshape(graph, node));
  const std::string y = writer.result(writer.input().format);
  writer.statement(absl::StrCat("strobe::quantize<", writer.config(), ">(", writer.input().name, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
