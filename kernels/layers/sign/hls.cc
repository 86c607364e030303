#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_sign(const model::Graph&, const model::Node&) { return {}; }

absl::Status write_hls_sign(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/sign/sign_hls.h");
  writer.plan(plan_hls_sign(graph, node));
  writer.setting_number("threshold", *node.constant("threshold"));
  hls::Format distance = writer.input().format;
  const bool ternary = node.text("mode") == "ternary";
  if (ternary) {
    const int64_t factor = node.integer("factor", 1);
    const hls::Format format = hls::Format::of_range(std::min<int64_t>(factor, 0), std::max<int64_t>(factor, 0), 0);
    writer.setting_number("factor", factor, format);
    distance = hls::product(distance, format);
  }
  if (const auto inner = node.type("inner")) {
    writer.setting_type("inner_t", *inner);
  } else {
    writer.setting_type("inner_t", distance);
  }
  const std::string y = writer.result(hls::Format{true, 2, 2});
  writer.statement(absl::StrCat("strobe::", ternary ? "ternary" : "binary", "_sign<", writer.config(), ">(", writer.input().name,
                                ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
