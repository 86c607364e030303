#pragma once

#include "kernels/hls/plan.h"
#include "kernels/layers/layer.h"

/// The emulator's and the HLS writer's side of every layer: each is defined in its layer's folder (emulate.cc, hls.cc).
/// `plan_hls_*` is what the pragmas that `write_hls_*` writes imply; a layer's Cost takes its planned figures from it.
namespace strobe::layers {

#define STROBE_LAYER_HOOKS(name)                                                                                      \
  absl::Status emulate_##name(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder); \
  absl::Status write_hls_##name(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer);        \
  hls::Plan plan_hls_##name(const model::Graph& graph, const model::Node& node)

STROBE_LAYER_HOOKS(quantize);
STROBE_LAYER_HOOKS(relu);
STROBE_LAYER_HOOKS(leaky_relu);
STROBE_LAYER_HOOKS(threshold_relu);
STROBE_LAYER_HOOKS(clip);
STROBE_LAYER_HOOKS(sign);
STROBE_LAYER_HOOKS(table);
STROBE_LAYER_HOOKS(batch_norm);
STROBE_LAYER_HOOKS(dense);
STROBE_LAYER_HOOKS(merge);
STROBE_LAYER_HOOKS(concatenate);
STROBE_LAYER_HOOKS(reshape);
STROBE_LAYER_HOOKS(transpose);
STROBE_LAYER_HOOKS(softmax);
STROBE_LAYER_HOOKS(forest);
STROBE_LAYER_HOOKS(forest_engine);
STROBE_LAYER_HOOKS(projection);
STROBE_LAYER_HOOKS(formula);

#undef STROBE_LAYER_HOOKS

}  // namespace strobe::layers
