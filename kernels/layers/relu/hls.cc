#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_relu(const model::Graph&, const model::Node&) { return {}; }

absl::Status write_hls_relu(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/relu/relu_hls.h");
  writer.plan(plan_hls_relu(graph, node));
  const hls::TensorCode& x = writer.input();
  const model::Constant* highest = node.constant("max_value");
  if (highest == nullptr) {
    const std::string y = writer.result(x.format);
    writer.statement(absl::StrCat("strobe::relu<", writer.config(), ">(", x.name, ", ", y, ")"));
    return absl::OkStatus();
  }
  const std::string limit = writer.constant("max_value", *highest);
  writer.setting("highest_size", static_cast<int64_t>(highest->raw.size()));
  const std::string y = writer.result(hls::covering(x.format, hls::Format::covering(*highest)));
  writer.statement(absl::StrCat("strobe::relu<", writer.config(), ">(", x.name, ", ", limit, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
