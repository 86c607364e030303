#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kernels/model/graph.h"

namespace strobe::emulator {
class ProgramBuilder;
}
namespace strobe::hls {
class LayerWriter;
}

namespace strobe::layers {

/// One event's raw values at a node: element e of tensor t has the value `raw[e] * 2^-fraction` of its type.
struct EventView {
  const model::Graph& graph;
  const model::Node& node;
  std::vector<std::span<const int64_t>> inputs;
  std::vector<std::span<int64_t>> outputs;
  model::OverflowCount* overflow;  ///< never null

  const model::TensorType& input_type(size_t i) const { return graph.tensor(node.inputs[i]).type; }
  const model::TensorType& output_type(size_t i = 0) const { return graph.tensor(node.outputs[i]).type; }
};

/// What a layer costs on a card. `planned_*` follow from the HLS pragmas that strobe writes, not from a synthesis.
struct Cost {
  int64_t multiplications = 0;  ///< constant by variable, zero weights left out
  int64_t additions = 0;
  double bit_operations = 0;  ///< BOPs, as published: m n (b_a b_w + b_a + b_w + log2 n) for a dense layer
  /// HGQ's EBOPs: sum over weights of (bits of input) x (bits of weight), by HGQ2's own definition for its networks
  /// (dense.h, "ebops"); else a weight has the bits between its first and last set digit.
  double effective_bit_operations = 0;
  int64_t planned_multipliers = 0;      ///< instances, after the reuse factor
  int planned_initiation_interval = 1;  ///< cycles between events
  int planned_depth = 1;                ///< cycles from input to output
};

/// Everything that strobe knows of one kind of layer; one constant object a folder, one row in the catalog.
struct Layer {
  std::string_view op;       ///< name in the graph
  std::string_view summary;  ///< one line for people
  /// Checks shapes, types, attributes and constants of a node. Errors: InvalidArgument that names the layer.
  absl::Status (*verify)(const model::Graph& graph, const model::Node& node);
  /// The definition of what the layer computes, one event: slow and obvious.
  void (*reference)(const EventView& view);
  Cost (*cost)(const model::Graph& graph, const model::Node& node);
  /// Appends the layer to an emulator program (kernels/emulator).
  absl::Status (*emulate)(const model::Graph& graph, const model::Node& node, emulator::ProgramBuilder& builder);
  /// Writes the layer's call, parameters and constants into an HLS project (kernels/hls).
  absl::Status (*write_hls)(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer);
};

}  // namespace strobe::layers
