#include <bit>

#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

struct Slices {
  int64_t outer = 1, n = 1, inner = 1;
};

Slices slices_of(const model::Graph& graph, const model::Node& node) {
  const model::Shape& shape = graph.tensor(node.inputs[0]).type.shape;
  const auto axis = static_cast<size_t>(node.integer("axis", static_cast<int64_t>(shape.size()) - 1));
  Slices slices;
  for (size_t a = 0; a < shape.size(); ++a) (a < axis ? slices.outer : a == axis ? slices.n : slices.inner) *= shape[a];
  return slices;
}

absl::Status write_tables(const model::Node& node, const std::string& method, hls::LayerWriter& writer) {
  const model::Constant& exp_table = *node.constant("exp_table");
  const model::Constant& inv_table = *node.constant("inv_table");
  const std::string exponentials = writer.constant("exp_table", exp_table);
  const std::string inverses = writer.constant("inv_table", inv_table);
  writer.setting("exp_bits", std::countr_zero(exp_table.raw.size()));
  writer.setting("inv_bits", std::countr_zero(inv_table.raw.size()));
  writer.setting_type("accum_t", *node.type("accum"));
  if (method != "legacy") writer.setting_type("inv_inp_t", *node.type("inv_inp"));
  if (method == "stable") {
    writer.setting_type("norm_t", *node.type("inp_norm"));
    const model::Constant* offset = node.constant("norm_offset");
    if (offset != nullptr) writer.setting_number("norm_offset", *offset);
    if (offset == nullptr) writer.setting_number("norm_offset", 0, hls::Format{});
  }
  const hls::Format inverse = hls::Format::covering(inv_table);
  const std::string y =
      writer.result(method == "legacy" ? inverse : hls::product(hls::Format::covering(exp_table), inverse));
  writer.statement(absl::StrCat("strobe::softmax<", writer.config(), ", strobe::", method, "_softmax>(",
                                writer.input().name, ", ", exponentials, ", ", inverses, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace

/// One cycle a level of the trees, two a table, one a subtraction or product.
hls::Plan plan_hls_softmax(const model::Graph& graph, const model::Node& node) {
  const Slices slices = slices_of(graph, node);
  const std::string method = node.text("implementation");
  const int levels = hls::tree_levels(slices.n);
  if (method == "argmax") return {.depth = levels + 1, .warning = {}};
  const int depth = method == "stable" ? 2 * levels + 6 : method == "latency" ? levels + 5 : levels + 6;
  const int64_t products = method == "legacy" ? 0 : slices.outer * slices.n * slices.inner;
  return {.multipliers = products, .depth = depth, .warning = {}};
}

absl::Status write_hls_softmax(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  const Slices slices = slices_of(graph, node);
  const std::string method = node.text("implementation");
  writer.include("layers/softmax/softmax_hls.h");
  writer.plan(plan_hls_softmax(graph, node));
  writer.setting("outer", slices.outer);
  writer.setting("n", slices.n);
  writer.setting("inner", slices.inner);
  if (method != "argmax") return write_tables(node, method, writer);
  const std::string y = writer.result(hls::Format{});
  writer.statement(absl::StrCat("strobe::argmax<", writer.config(), ">(", writer.input().name, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
