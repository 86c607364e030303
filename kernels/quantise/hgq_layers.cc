#include "kernels/quantise/hgq_layers.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/import/file_rules.h"
#include "kernels/model/broadcast.h"
#include "kernels/quantise/hgq_softmax.h"
#include "kernels/quantise/hgq_weights.h"

namespace strobe::quantise::hgq {

using import::Array;
using import::FloatLayer;
using import::layer_error;
using model::Constant;
using model::Node;
using model::Shape;
using model::TensorId;

namespace {

/// min(x, value)
TensorId add_maximum(HgqGraph& graph, const std::string& name, double value, TensorId input) {
  Constant high = exact_constant({{1}, {value}});
  const Lane bound = scaled({1, 1, 0}, high.raw[0], high.type.at(0).fraction());
  Lane all = bound;
  Lanes lanes;
  for (const Lane& lane : graph.lanes(input)) {
    all = united(all, lane);
    lanes.push_back(lane_min(lane, bound));
  }
  Node node{name, "clip", {input}, {}, {}, {}};
  node.constants["slope"] = exact_constant({{1}, {1.0}});
  node.constants["shift"] = exact_constant({{1}, {0.0}});
  node.constants["low"] = {{{1}, {holding(all)}}, {static_cast<int64_t>(all.low)}};
  node.constants["high"] = std::move(high);
  return graph.add(std::move(node), graph.shape_of(input), std::move(lanes));
}

absl::StatusOr<TensorId> add_softmax(HgqGraph& graph, const FloatLayer& layer, TensorId input) {
  const Shape shape = graph.shape_of(input);
  auto softmax = hgq_softmax(layer, shape, graph.lanes(input));
  if (!softmax.ok()) return softmax.status();
  if (softmax->input_type) {
    Node conversion{layer.name + "_aligned", "quantize", {input}, {}, {}, {}};
    Lanes lanes = graph.lanes(input);
    input = graph.add(std::move(conversion), shape, std::move(lanes), {*softmax->input_type});
  }
  softmax->node.inputs = {input};
  return graph.add(std::move(softmax->node), shape, Lanes(model::element_count(shape), softmax->result));
}

}  // namespace

absl::StatusOr<TensorId> add_activation(HgqGraph& graph, const FloatLayer& layer, const std::string& name,
                                        const std::string& activation, TensorId input) {
  if (activation == "linear") return input;
  if (activation == "softmax") return add_softmax(graph, layer, input);
  if (layer.setting<double>("threshold").value_or(0) != 0)
    return layer_error(layer, "has a threshold, which is not supported");
  const Shape shape = graph.shape_of(input);
  const auto max_value = layer.setting<double>("max_value");
  const Lanes& x = graph.lanes(input);
  Lanes lanes;
  Node node{name, "relu", {input}, {}, {}, {}};
  if (activation == "relu") {
    for (const Lane& lane : x)
      lanes.push_back({std::max<model::Wide>(lane.low, 0), std::max<model::Wide>(lane.high, 0), lane.fraction});
    const TensorId result = graph.add(std::move(node), shape, std::move(lanes));
    return max_value ? add_maximum(graph, name + "_maximum", *max_value, result) : result;
  }
  if (activation != "leaky_relu" && activation != "leakyrelu" && activation != "prelu") {
    return absl::UnimplementedError(
        absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): activation '", activation,
                     "' is not supported in an HGQ2 network; supported: linear, relu, leaky_relu, prelu, softmax"));
  }
  Array slopes{
      {1},
      {layer.setting<double>("parameter")
           .value_or(layer.setting<double>("alpha").value_or(layer.setting<double>("negative_slope").value_or(0.3)))}};
  if (const Array* alpha = layer.array("alpha")) {
    const auto sources = model::broadcast(alpha->shape, shape);
    if (!sources) {
      return layer_error(
          layer, absl::StrCat("alpha is ", model::to_string(alpha->shape), ", its input ", model::to_string(shape)));
    }
    slopes = {shape, {}};
    for (const size_t e : *sources) slopes.data.push_back(alpha->data[e]);
  }
  node.op = "leaky_relu";
  Constant alpha = exact_constant(slopes);
  for (size_t e = 0; e < x.size(); ++e) {
    const size_t c = e % alpha.raw.size();
    const Lane positive{std::max<model::Wide>(x[e].low, 0), std::max<model::Wide>(x[e].high, 0), x[e].fraction};
    const Lane negative{std::min<model::Wide>(x[e].low, 0), std::min<model::Wide>(x[e].high, 0), x[e].fraction};
    lanes.push_back(
        united(positive, scaled(negative, alpha.raw[c], alpha.type.at(static_cast<int64_t>(c)).fraction())));
  }
  node.constants["alpha"] = std::move(alpha);
  const TensorId result = graph.add(std::move(node), shape, std::move(lanes));
  return max_value ? add_maximum(graph, name + "_maximum", *max_value, result) : result;
}

absl::StatusOr<TensorId> add_dense(HgqGraph& graph, const FloatLayer& layer, TensorId input) {
  auto weights = hgq_dense_weights(layer);
  if (!weights.ok()) return weights.status();
  const Shape in_shape = graph.shape_of(input);
  const int64_t n_in = weights->kernel.type.shape[0];
  const int64_t n_out = weights->kernel.type.shape[1];
  if (in_shape.empty() || in_shape.back() != n_in) {
    return layer_error(layer,
                       absl::StrCat("weights are ", n_in, "x", n_out, ", input is ", model::to_string(in_shape)));
  }
  Shape shape = in_shape;
  shape.back() = n_out;
  const Lanes& x = graph.lanes(input);
  Lanes lanes;
  for (int64_t row = 0; row < model::element_count(in_shape) / n_in; ++row) {
    for (int64_t j = 0; j < n_out; ++j) {
      Lane sum;
      if (weights->bias) sum = scaled({1, 1, 0}, weights->bias->raw[j], weights->bias->type.at(j).fraction());
      for (int64_t i = 0; i < n_in; ++i) {
        const int64_t w = i * n_out + j;
        sum = sum + scaled(x[row * n_in + i], weights->kernel.raw[w], weights->kernel.type.at(w).fraction());
      }
      lanes.push_back(sum);
    }
  }
  const std::string activation = layer.setting<std::string>("activation").value_or("linear");
  Node node{activation == "linear" ? layer.name : layer.name + "_sum", "dense", {input}, {}, {}, {}};
  node.attributes["strategy"] = std::string("latency");
  node.attributes["reuse_factor"] = int64_t{1};
  node.constants["weight"] = std::move(weights->kernel);
  if (weights->bias) node.constants["bias"] = *std::move(weights->bias);
  if (const auto ebops = hgq_dense_ebops(layer, in_shape); ebops.has_value()) node.attributes["ebops"] = *ebops;
  const TensorId sum = graph.add(std::move(node), std::move(shape), std::move(lanes));
  if (activation == "linear") return sum;
  return add_activation(graph, layer, layer.name, activation, sum);
}

absl::StatusOr<TensorId> add_batch_norm(HgqGraph& graph, const FloatLayer& layer, TensorId input) {
  auto weights = hgq_batch_norm_weights(layer);
  if (!weights.ok()) return weights.status();
  const Shape shape = graph.shape_of(input);
  const int64_t axis = layer.setting<int64_t>("axis").value_or(-1) + static_cast<int64_t>(shape.size());
  const auto channels = static_cast<int64_t>(weights->scale.raw.size());
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) || shape[axis] != channels) {
    return layer_error(layer, absl::StrCat("has ", channels, " channels along axis ", axis, ", its input is ",
                                           model::to_string(shape)));
  }
  if (axis + 1 < static_cast<int64_t>(shape.size())) spread_channels(*weights, shape, axis);
  const auto period = static_cast<int64_t>(weights->scale.raw.size());
  Lanes lanes;
  for (size_t e = 0; e < graph.lanes(input).size(); ++e) {
    const int64_t c = static_cast<int64_t>(e) % period;
    lanes.push_back(scaled(graph.lanes(input)[e], weights->scale.raw[c], weights->scale.type.at(c).fraction()) +
                    scaled({1, 1, 0}, weights->bias.raw[c], weights->bias.type.at(c).fraction()));
  }
  Node node{layer.name, "batch_norm", {input}, {}, {}, {}};
  node.constants["scale"] = std::move(weights->scale);
  node.constants["bias"] = std::move(weights->bias);
  return graph.add(std::move(node), shape, std::move(lanes));
}

absl::StatusOr<TensorId> add_reshape(HgqGraph& graph, const FloatLayer& layer, TensorId input) {
  const int64_t elements = model::element_count(graph.shape_of(input));
  Shape target = layer.setting<std::vector<int64_t>>("target_shape").value_or(Shape{elements});
  int64_t known = 1;
  for (const int64_t extent : target) known *= extent > 0 ? extent : 1;
  for (int64_t& extent : target) {
    if (extent < 0) extent = elements / known;
  }
  if (model::element_count(target) != elements)
    return layer_error(layer, absl::StrCat("cannot make ", model::to_string(target), " of ", elements, " elements"));
  Node node{layer.name, "reshape", {input}, {}, {}, {}};
  return graph.add(std::move(node), target, graph.lanes(input));
}

absl::StatusOr<TensorId> add_concatenate(HgqGraph& graph, const FloatLayer& layer,
                                         const std::vector<TensorId>& inputs) {
  Shape shape = graph.shape_of(inputs[0]);
  const auto event_axis = import::event_axis(layer, shape.size());
  if (!event_axis) return layer_error(layer, "concatenation axis does not exist");
  const auto axis = static_cast<int64_t>(*event_axis);
  int64_t outer = 1;
  for (int64_t a = 0; a < axis; ++a) outer *= shape[a];
  for (size_t i = 1; i < inputs.size(); ++i) shape[axis] += graph.shape_of(inputs[i])[axis];
  Lanes lanes;
  for (int64_t o = 0; o < outer; ++o) {
    for (const TensorId input : inputs) {
      const Lanes& x = graph.lanes(input);
      const auto block = static_cast<std::ptrdiff_t>(x.size()) / outer;
      lanes.insert(lanes.end(), x.begin() + o * block, x.begin() + (o + 1) * block);
    }
  }
  Node node{layer.name, "concatenate", inputs, {}, {}, {}};
  node.attributes["axis"] = axis;
  return graph.add(std::move(node), shape, std::move(lanes));
}

absl::StatusOr<TensorId> add_merge(HgqGraph& graph, const FloatLayer& layer, const std::string& op,
                                   const std::vector<TensorId>& inputs) {
  const Shape shape = graph.shape_of(inputs[0]);
  Lanes lanes = graph.lanes(inputs[0]);
  for (size_t i = 1; i < inputs.size(); ++i) {
    if (graph.shape_of(inputs[i]) != shape) return layer_error(layer, "inputs have different shapes");
    for (size_t e = 0; e < lanes.size(); ++e) {
      const Lane& other = graph.lanes(inputs[i])[e];
      lanes[e] = op == "subtract"   ? lanes[e] + -other
                 : op == "multiply" ? lanes[e] * other
                 : op == "maximum"  ? lane_max(lanes[e], other)
                 : op == "minimum"  ? lane_min(lanes[e], other)
                                    : lanes[e] + other;
    }
  }
  const bool average = layer.kind == "AveragePow2";
  Node node{average ? layer.name + "_sum" : layer.name, op, inputs, {}, {}, {}};
  const TensorId sum = graph.add(std::move(node), shape, std::move(lanes));
  if (!average) return sum;
  const int shift = static_cast<int>(std::lround(std::log2(1.0 / static_cast<double>(inputs.size()))));
  Node scale{layer.name, "batch_norm", {sum}, {}, {}, {}};
  scale.constants["scale"] = exact_constant({{1}, {std::ldexp(1.0, shift)}});
  scale.constants["bias"] = exact_constant({{1}, {0.0}});
  Lanes scaled_lanes = graph.lanes(sum);
  for (Lane& lane : scaled_lanes) lane.fraction -= shift;
  return graph.add(std::move(scale), shape, std::move(scaled_lanes));
}

}  // namespace strobe::quantise::hgq
