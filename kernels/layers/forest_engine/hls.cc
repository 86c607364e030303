#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/forest_engine/forest_engine.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {

hls::Plan plan_hls_forest_engine(const model::Graph& graph, const model::Node& node) {
  const EngineShape shape = engine_shape(graph, node);
  hls::Plan plan;
  // Elements come and go one a cycle. How long a walk takes, only a forest says.
  plan.initiation_interval = static_cast<int>(std::max(shape.features, shape.outputs));
  plan.depth = static_cast<int>(shape.features + shape.outputs);
  plan.looped = true;
  return plan;
}

absl::Status write_hls_forest_engine(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  const EngineShape shape = engine_shape(graph, node);
  writer.include("layers/forest_engine/forest_engine_hls.h");
  writer.plan(plan_hls_forest_engine(graph, node));
  writer.setting("engines", shape.engines);
  writer.setting("nodes", shape.nodes);
  writer.setting("features", shape.features);
  writer.setting("outputs", shape.outputs);
  writer.whole_kernel(absl::StrCat("strobe::forest_engine<", writer.config(), ">"), "forest");
  return absl::OkStatus();
}

}  // namespace strobe::layers
