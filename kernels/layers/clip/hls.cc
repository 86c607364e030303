#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_clip(const model::Graph& graph, const model::Node& node) {
  return {.multipliers = graph.tensor(node.outputs[0]).type.elements(), .depth = 3, .warning = {}};
}

absl::Status write_hls_clip(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/clip/clip_hls.h");
  writer.plan(plan_hls_clip(graph, node));
  const auto format = [&](const char* name) { return hls::Format::of(node.constant(name)->type.at(0)); };
  for (const char* name : {"slope", "shift", "low", "high"}) writer.setting_number(name, *node.constant(name));
  const hls::Format line = hls::sum(hls::product(writer.input().format, format("slope")), format("shift"));
  writer.setting_type("line_t", line);
  const std::string y = writer.result(hls::covering(line, hls::covering(format("low"), format("high"))));
  writer.statement(absl::StrCat("strobe::clip<", writer.config(), ">(", writer.input().name, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
