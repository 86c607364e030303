#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

/// Writes a constant with the setting "<name>_size"; returns its array.
std::string write_threshold(const model::Node& node, const std::string& name, hls::LayerWriter& writer) {
  const model::Constant& constant = *node.constant(name);
  writer.setting(name + "_size", static_cast<int64_t>(constant.raw.size()));
  return writer.constant(name, constant);
}

void write_factor(const model::Node& node, hls::LayerWriter& writer) {
  const int64_t factor = node.integer("factor", 1);
  const hls::Format format = hls::Format::of_range(std::min<int64_t>(factor, 0), std::max<int64_t>(factor, 0), 0);
  writer.setting_number("factor", factor, format);
  if (const auto inner = node.type("inner")) {
    writer.setting_type("inner_t", *inner);
  } else {
    writer.setting_type("inner_t", hls::product(writer.input().format, format));
  }
}

}  // namespace

hls::Plan plan_hls_sign(const model::Graph&, const model::Node&) { return {}; }

absl::Status write_hls_sign(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/sign/sign_hls.h");
  writer.plan(plan_hls_sign(graph, node));
  const std::string& x = writer.input().name;
  const hls::Format exact = {true, 2, 2};
  if (node.text("mode") == "binary") {
    const std::string threshold = write_threshold(node, "threshold", writer);
    writer.statement(absl::StrCat("strobe::binary_sign<", writer.config(), ">(", x, ", ", threshold, ", ",
                                  writer.result(exact), ")"));
    return absl::OkStatus();
  }
  write_factor(node, writer);
  const std::string high = write_threshold(node, "high", writer), low = write_threshold(node, "low", writer);
  writer.statement(absl::StrCat("strobe::ternary_sign<", writer.config(), ">(", x, ", ", high, ", ", low, ", ",
                                writer.result(exact), ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
