#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_batch_norm(const model::Graph& graph, const model::Node& node) {
  return {.multipliers = graph.tensor(node.outputs[0]).type.elements(), .depth = 3, .warning = {}};
}

absl::Status write_hls_batch_norm(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/batch_norm/batch_norm_hls.h");
  writer.plan(plan_hls_batch_norm(graph, node));
  const model::Constant& scale = *node.constant("scale");
  const model::Constant& bias = *node.constant("bias");
  const hls::TensorCode& x = writer.input();
  const std::string scales = writer.constant("scale", scale);
  const std::string biases = writer.constant("bias", bias);
  writer.setting("scale_size", static_cast<int64_t>(scale.raw.size()));
  writer.setting("bias_size", static_cast<int64_t>(bias.raw.size()));
  const std::string y =
      writer.result(hls::sum(hls::product(x.format, hls::Format::covering(scale)), hls::Format::covering(bias)));
  writer.statement(
      absl::StrCat("strobe::batch_norm<", writer.config(), ">(", x.name, ", ", scales, ", ", biases, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
