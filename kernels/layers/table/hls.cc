#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_table(const model::Graph& graph, const model::Node& node) {
  const int64_t elements = graph.tensor(node.outputs[0]).type.elements();
  const bool scales = node.constant("negative_scale") != nullptr || node.text("positive") == "scaled";
  return {.multipliers = scales ? elements : 0, .depth = scales ? 4 : 3, .warning = {}};
}

absl::Status write_hls_table(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  hls::begin_elementwise(writer, "layers/table/table_hls.h");
  writer.plan(plan_hls_table(graph, node));
  const hls::TensorCode& x = writer.input();
  const model::Constant& table = *node.constant("table");
  const std::string positive = node.text("positive");
  const hls::Format one = {false, 1, 1};
  writer.setting("table_size", static_cast<int64_t>(table.raw.size()));
  writer.setting("numerator", node.integer("scale_numerator", 1));
  writer.setting("denominator", node.integer("scale_denominator", 1));
  writer.setting("offset", node.integer("offset"));
  hls::Format exact = hls::Format::covering(table);
  if (const model::Constant* scale = node.constant("negative_scale")) {
    writer.setting_number("negative_scale", *scale);
    exact = hls::product(exact, hls::Format::of(scale->type.at(0)));
  } else if (!positive.empty()) {
    writer.setting_number("negative_scale", 1, one);
  }
  if (positive == "scaled") {
    const model::Constant& scale = *node.constant("positive_scale");
    writer.setting_number("positive_scale", scale);
    exact = hls::covering(exact, hls::product(x.format, hls::Format::of(scale.type.at(0))));
  } else if (positive == "identity") {
    writer.setting_number("positive_scale", 1, one);
    exact = hls::covering(exact, x.format);
  }
  const std::string entries = writer.constant("table", table);
  const std::string y = writer.result(exact);
  const char* function = !positive.empty()                 ? "table_below_zero"
                         : node.constant("negative_scale") ? "scaled_table"
                                                           : "table";
  writer.statement(absl::StrCat("strobe::", function, "<", writer.config(), ">(", x.name, ", ", entries, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
