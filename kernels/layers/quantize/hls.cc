#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_quantize(const model::Graph&, const model::Node&) { return {}; }

absl::Status write_hls_quantize(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/quantize/quantize_hls.h");
  writer.plan(plan_hls_quantize(graph, node));
  const std::string y = writer.result(writer.input().format);
  writer.statement(absl::StrCat("strobe::quantize<", writer.config(), ">(", writer.input().name, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
