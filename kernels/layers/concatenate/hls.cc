#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_concatenate(const model::Graph&, const model::Node&) { return {.depth = 0, .warning = {}}; }

absl::Status write_hls_concatenate(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  writer.include("layers/concatenate/concatenate_hls.h");
  writer.plan(plan_hls_concatenate(graph, node));
  const model::Shape& shape = graph.tensor(node.outputs[0]).type.shape;
  int64_t runs = 1;
  for (int64_t a = 0; a < node.integer("axis"); ++a) runs *= shape[a];
  writer.setting("runs", runs);
  writer.setting("stride", writer.output().size / runs);
  hls::Format exact = writer.input().format;
  for (size_t i = 1; i < node.inputs.size(); ++i) exact = hls::covering(exact, writer.input(i).format);
  const std::string y = writer.result(exact);
  int64_t offset = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int64_t block = writer.input(i).size / runs;
    writer.statement(absl::StrCat("strobe::place<", writer.config(), ", ", block, ">(", writer.input(i).name, ", ",
                                  offset, ", ", y, ")"));
    offset += block;
  }
  return absl::OkStatus();
}

}  // namespace strobe::layers
