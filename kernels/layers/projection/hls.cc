#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

/// Weights other than zero of the output that has most.
int64_t longest_sum(const model::Node& node) {
  const model::Constant& weight = *node.constant("weight");
  const int64_t n_in = weight.type.shape[1];
  int64_t longest = 0;
  for (auto row = weight.raw.begin(); row != weight.raw.end(); row += n_in) {
    longest = std::max<int64_t>(longest, std::count_if(row, row + n_in, [](int64_t raw) { return raw != 0; }));
  }
  return longest;
}

}  // namespace

hls::Plan plan_hls_projection(const model::Graph&, const model::Node& node) {
  const auto& raw = node.constant("weight")->raw;
  const int64_t nonzero = std::count_if(raw.begin(), raw.end(), [](int64_t r) { return r != 0; });
  // One cycle multiplies; additions follow one another, one a cycle, each with its conversion.
  return {.multipliers = nonzero, .depth = 1 + static_cast<int>(longest_sum(node)), .warning = {}};
}

absl::Status write_hls_projection(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  const auto& out = graph.tensor(node.outputs[0]).type;
  if (!out.is_uniform()) return layer_error(node, "its HLS needs one type for all outputs");
  writer.include("layers/projection/projection_hls.h");
  writer.plan(plan_hls_projection(graph, node));
  writer.setting("n_in", writer.input().size);
  writer.setting("n_out", writer.output().size);
  const std::string weights = writer.constant("weight", *node.constant("weight"));
  const std::string y = writer.result(hls::Format::of(out.types[0]));
  writer.statement(
      absl::StrCat("strobe::projection<", writer.config(), ">(", writer.input().name, ", ", weights, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
