#pragma once

#include "absl/status/statusor.h"
#include "kernels/layers/forest_engine/engine_shape.h"
#include "kernels/layers/layer.h"

namespace strobe::layers {

/// A circuit that walks whatever forest it is given: forests are loaded into it while it runs (forest_image.h), so one
/// xclbin serves many, and a service changes its model without a new bitstream.
///
/// As a node of a graph it stands for the engine without a forest, whose scores are 0. It is the only node of its
/// graph. Input: [features] of ap_int<32>, output: [outputs] of ap_int<64>: what it reads and writes at most. With a
/// forest, rows are those of that forest's own graph, and so is what it computes.
/// Attributes: "engines", "nodes" (see EngineShape)
extern const Layer kForestEngineLayer;

/// The shape of a forest_engine node.
EngineShape engine_shape(const model::Graph& graph, const model::Node& node);

/// The shape of the engine that a graph consists of, or nothing for any other graph.
std::optional<EngineShape> engine_of(const model::Graph& graph);

/// An engine's graph. Errors: InvalidArgument where the shape is beyond what is built.
absl::StatusOr<model::Graph> engine_graph(const std::string& name, const EngineShape& shape);

}  // namespace strobe::layers
