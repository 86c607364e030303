#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_threshold_relu(const model::Graph&, const model::Node&) { return {}; }

absl::Status write_hls_threshold_relu(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/threshold_relu/threshold_relu_hls.h");
  writer.plan(plan_hls_threshold_relu(graph, node));
  writer.setting_number("theta", *node.constant("theta"));
  const std::string y = writer.result(writer.input().format);
  writer.statement(absl::StrCat("strobe::threshold_relu<", writer.config(), ">(", writer.input().name, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
