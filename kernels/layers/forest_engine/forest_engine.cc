#include "kernels/layers/forest_engine/forest_engine.h"

#include <algorithm>

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::FixedType;
using model::Graph;
using model::Node;

const FixedType kFeature = FixedType::fixed(32, 32), kScore = FixedType::fixed(64, 64);

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_inputs(node, 1); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]);
  const auto& out = graph.tensor(node.outputs[0]).type;
  if (graph.nodes().size() != 1 || in.producer >= 0 || graph.outputs().size() != 1)
    return layer_error(node, "an engine is the only layer of its model");
  if (in.type.shape.size() != 1 || !in.type.is_uniform() || !in.type.types[0].same_format(kFeature) ||
      out.shape.size() != 1 || !out.is_uniform() || !out.types[0].same_format(kScore)) {
    return layer_error(node, absl::StrCat("expected [features] ap_int<32> and [outputs] ap_int<64>, found ",
                                          in.type.to_string(), " and ", out.to_string()));
  }
  const absl::Status s = engine_shape(graph, node).check();
  return s.ok() ? s : layer_error(node, std::string(s.message()));
}

void reference(const EventView& view) { std::fill(view.outputs[0].begin(), view.outputs[0].end(), 0); }

/// Of one event, at most: each engine compares 32 bits or adds 64 a node.
Cost cost(const Graph& graph, const Node& node) { return with_plan({}, plan_hls_forest_engine(graph, node)); }

}  // namespace

EngineShape engine_shape(const Graph& graph, const Node& node) {
  return {node.integer("engines"), node.integer("nodes"), graph.tensor(node.inputs[0]).type.elements(),
          graph.tensor(node.outputs[0]).type.elements()};
}

std::optional<EngineShape> engine_of(const Graph& graph) {
  if (graph.nodes().size() != 1 || graph.nodes()[0].op != kForestEngineLayer.op) return std::nullopt;
  return engine_shape(graph, graph.nodes()[0]);
}

absl::StatusOr<Graph> engine_graph(const std::string& name, const EngineShape& shape) {
  if (absl::Status s = shape.check(); !s.ok()) return s;
  model::GraphBuilder builder(name);
  const model::TensorId x = builder.add_input("features", {{shape.features}, {kFeature}});
  Node node;
  node.name = "engine";
  node.op = std::string(kForestEngineLayer.op);
  node.inputs = {x};
  node.attributes["engines"] = shape.engines;
  node.attributes["nodes"] = shape.nodes;
  builder.set_outputs({builder.add(std::move(node), {{shape.outputs}, {kScore}}, "scores")});
  auto graph = std::move(builder).build();
  if (!graph.ok()) return graph.status();
  if (absl::Status s = verify(*graph, graph->nodes()[0]); !s.ok()) return s;
  return graph;
}

const Layer kForestEngineLayer = {"forest_engine",       "forests loaded at run time", verify, reference, cost,
                                  emulate_forest_engine, write_hls_forest_engine};

}  // namespace strobe::layers
