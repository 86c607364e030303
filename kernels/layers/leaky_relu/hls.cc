#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_leaky_relu(const model::Graph& graph, const model::Node& node) {
  return {.multipliers = graph.tensor(node.outputs[0]).type.elements(), .depth = 2, .warning = {}};
}

absl::Status write_hls_leaky_relu(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/leaky_relu/leaky_relu_hls.h");
  writer.plan(plan_hls_leaky_relu(graph, node));
  const hls::TensorCode& x = writer.input();
  const model::Constant& alpha = *node.constant("alpha");
  const std::string slopes = writer.constant("alpha", alpha);
  writer.setting("alpha_size", static_cast<int64_t>(alpha.raw.size()));
  const std::string y = writer.result(hls::covering(x.format, hls::product(x.format, hls::Format::covering(alpha))));
  writer.statement(absl::StrCat("strobe::leaky_relu<", writer.config(), ">(", x.name, ", ", slopes, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
