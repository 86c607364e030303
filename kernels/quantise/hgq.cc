#include "kernels/quantise/hgq.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/import/file_rules.h"
#include "kernels/layers/catalog.h"
#include "kernels/model/broadcast.h"
#include "kernels/quantise/hgq_softmax.h"
#include "kernels/quantise/hgq_weights.h"
#include "kernels/quantise/lanes.h"

namespace strobe::quantise {
namespace {

using import::Array;
using import::ElementQuantizer;
using import::FloatLayer;
using import::FloatModel;
using import::layer_error;
using model::Constant;
using model::FixedType;
using model::Node;
using model::Shape;
using model::TensorId;
using model::TensorType;

/// Builds the graph layer by layer and keeps, for each tensor, what values each element can take, so that every exact
/// result gets the narrowest type.
class HgqBuilder {
 public:
  HgqBuilder(const FloatModel& source, const QuantiseOptions& options)
      : source_(source), options_(options), builder_(source.name) {}

  absl::StatusOr<Quantised> run() {
    for (const auto& [key, value] : source_.provenance) builder_.set_provenance(key, value);
    for (const FloatLayer& layer : source_.layers) {
      if (absl::Status s = add(layer); !s.ok()) return s;
    }
    std::vector<TensorId> outputs;
    for (const auto& output : source_.outputs) {
      auto it = tensor_.find(output.name);
      if (it == tensor_.end())
        return absl::InvalidArgumentError(absl::StrCat("output '", output.name, "' is never computed"));
      outputs.push_back(it->second);
    }
    builder_.set_outputs(std::move(outputs));
    if (counted_ebops_ > 0) builder_.set_provenance("ebops_while_training", absl::StrCat(counted_ebops_));
    auto graph = std::move(builder_).build();
    if (!graph.ok()) return graph.status();
    if (absl::Status s = layers::verify(*graph); !s.ok()) return s;
    return Quantised{model::prune(*graph), std::move(warnings_), {}};
  }

 private:
  using Lanes = std::vector<Lane>;

  const Shape& shape_of(TensorId id) const { return builder_.tensor(id).type.shape; }

  /// Adds a node whose output types hold exactly the given lanes.
  TensorId add_node(Node node, Shape shape, Lanes lanes) {
    std::vector<FixedType> types;
    for (const Lane& lane : lanes) types.push_back(holding(lane));
    return add_node(std::move(node), std::move(shape), std::move(lanes), std::move(types));
  }

  TensorId add_node(Node node, Shape shape, Lanes lanes, std::vector<FixedType> types) {
    if (std::all_of(types.begin(), types.end(), [&](const FixedType& t) { return t == types[0]; })) types.resize(1);
    const TensorId id = builder_.add(std::move(node), {std::move(shape), std::move(types)});
    lanes_[id] = std::move(lanes);
    return id;
  }

  absl::Status add(const FloatLayer& layer) {
    std::vector<TensorId> inputs;
    for (const std::string& name : layer.inputs) {
      auto it = tensor_.find(name);
      if (it == tensor_.end()) return layer_error(layer, absl::StrCat("reads '", name, "', which nothing computes"));
      inputs.push_back(it->second);
    }
    if (layer.kind != "Input" && inputs.empty()) return layer_error(layer, "has no input");
    for (size_t i = 0; i < inputs.size(); ++i) {
      auto quantized = quantize_input(layer, inputs, i);
      if (!quantized.ok()) return quantized.status();
      inputs[i] = *quantized;
    }
    if (absl::Status s = expect_typed_events(layer); !s.ok()) return s;
    auto result = compute(layer, inputs);
    if (!result.ok()) return result.status();
    if (const ElementQuantizer* output = element_quantizer(layer, "output")) {
      result = add_quantizer(layer, layer.name + "_output", *output, *result,
                             layer.kind == "Quantizer" && reads_events(layer, 0));
      if (!result.ok()) return result.status();
    }
    for (const std::string& name : layer.outputs) {
      tensor_[name] = *result;
      if (layer.kind == "Dropout" && reads_events(layer, 0)) event_names_.insert(name);
    }
    return absl::OkStatus();
  }

  static const ElementQuantizer* element_quantizer(const FloatLayer& layer, const std::string& which) {
    auto it = layer.quantizers.find(which);
    return it == layer.quantizers.end() ? nullptr : std::get_if<ElementQuantizer>(&it->second);
  }

  static const ElementQuantizer* input_quantizer(const FloatLayer& layer, size_t i) {
    const ElementQuantizer* quantizer = element_quantizer(layer, absl::StrCat("input_", i));
    return quantizer == nullptr && i == 0 ? element_quantizer(layer, "input") : quantizer;
  }

  absl::StatusOr<TensorId> quantize_input(const FloatLayer& layer, const std::vector<TensorId>& inputs, size_t i) {
    const ElementQuantizer* quantizer = input_quantizer(layer, i);
    if (quantizer == nullptr) return inputs[i];
    const std::string name = inputs.size() == 1 ? layer.name + "_input" : absl::StrCat(layer.name, "_input_", i);
    return add_quantizer(layer, name, *quantizer, inputs[i], reads_events(layer, i));
  }

  absl::StatusOr<TensorId> add_quantizer(const FloatLayer& layer, const std::string& name,
                                         const ElementQuantizer& quantizer, TensorId input, bool is_event) {
    const Shape shape = shape_of(input);
    auto types = element_types(quantizer, shape);
    if (!types.ok()) return layer_error(layer, std::string(types.status().message()));
    if (is_event) {
      const std::vector<FixedType>& settled = event_types_[input];
      if (settled.empty()) return settle_input(input, *types);
      if (settled == *types) return input;
      return layer_error(layer, absl::StrCat("another quantiser has given the events of '", builder_.tensor(input).name,
                                             "' other formats; use --input-type"));
    }
    Lanes lanes;
    for (size_t e = 0; e < types->size(); ++e) lanes.push_back(converted(lanes_.at(input)[e], (*types)[e]));
    Node node{name, "quantize", {input}, {}, {}, {}};
    return add_node(std::move(node), shape, std::move(lanes), *std::move(types));
  }

  /// Without a type from the user, events arrive in the formats of the first quantiser that reads them.
  TensorId settle_input(TensorId input, std::vector<FixedType> types) {
    Lanes lanes;
    for (const FixedType& type : types) lanes.push_back(lane_of(type));
    lanes_[input] = std::move(lanes);
    event_types_[input] = types;
    if (std::all_of(types.begin(), types.end(), [&](const FixedType& t) { return t == types[0]; })) types.resize(1);
    builder_.mutable_tensor(input).type.types = std::move(types);
    return input;
  }

  /// Whether an input is events whose types their quantisers set.
  bool reads_events(const FloatLayer& layer, size_t i) const { return event_names_.contains(layer.inputs[i]); }

  /// Nothing but a quantiser may read such events.
  absl::Status expect_typed_events(const FloatLayer& layer) const {
    if (layer.kind == "Dropout" || layer.kind == "Quantizer") return absl::OkStatus();
    for (size_t i = 0; i < layer.inputs.size(); ++i) {
      if (!reads_events(layer, i) || input_quantizer(layer, i) != nullptr) continue;
      return layer_error(layer, "reads events to which no quantiser of its own gives a type; use --input-type");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<TensorId> compute(const FloatLayer& layer, const std::vector<TensorId>& inputs) {
    const std::string& kind = layer.kind;
    if (kind == "Input") return add_input(layer);
    if (kind == "Dropout" || kind == "Quantizer") return inputs[0];
    if (kind == "Dense") return add_dense(layer, inputs[0]);
    if (kind == "BatchNormalization") return add_batch_norm(layer, inputs[0]);
    if (kind == "Activation")
      return add_activation(layer, layer.name, layer.setting<std::string>("activation").value_or("linear"), inputs[0]);
    if (kind == "Flatten" || kind == "Reshape") return add_reshape(layer, inputs[0]);
    if (kind == "Concatenate") return add_concatenate(layer, inputs);
    static const std::map<std::string, std::string> kMerges = {{"Add", "add"},           {"Subtract", "subtract"},
                                                               {"Multiply", "multiply"}, {"Maximum", "maximum"},
                                                               {"Minimum", "minimum"},   {"AveragePow2", "add"}};
    if (auto it = kMerges.find(kind); it != kMerges.end()) return add_merge(layer, it->second, inputs);
    return absl::UnimplementedError(
        absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): kind '", kind,
                     "' is not supported in an HGQ2 network; supported: Input, Quantizer, Dense, "
                     "BatchNormalization, Activation, Flatten, Reshape, Concatenate, Add, Subtract, "
                     "Multiply, Maximum, Minimum, Dropout"));
  }

  absl::StatusOr<TensorId> add_input(const FloatLayer& layer) {
    auto shape = layer.setting<std::vector<int64_t>>("shape");
    for (const auto& input : source_.inputs) {
      if (!shape && !layer.outputs.empty() && input.name == layer.outputs[0]) shape = input.shape;
    }
    if (!shape) return layer_error(layer, "has no shape");
    const FixedType type = options_.input_type.value_or(kDefaultInputType);
    const TensorId id = builder_.add_input(layer.name, {*shape, {type}});
    lanes_[id] = Lanes(model::element_count(*shape), lane_of(type));
    if (!options_.input_type) event_names_.insert(layer.outputs.begin(), layer.outputs.end());
    return id;
  }

  absl::StatusOr<TensorId> add_dense(const FloatLayer& layer, TensorId input) {
    auto weights = hgq_dense_weights(layer);
    if (!weights.ok()) return weights.status();
    const Shape in_shape = shape_of(input);
    const int64_t n_in = weights->kernel.type.shape[0];
    const int64_t n_out = weights->kernel.type.shape[1];
    if (in_shape.empty() || in_shape.back() != n_in) {
      return layer_error(layer,
                         absl::StrCat("weights are ", n_in, "x", n_out, ", input is ", model::to_string(in_shape)));
    }
    Shape shape = in_shape;
    shape.back() = n_out;
    const Lanes& x = lanes_.at(input);
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
    counted_ebops_ += layer.setting<double>("ebops").value_or(0);
    const TensorId sum = add_node(std::move(node), std::move(shape), std::move(lanes));
    if (activation == "linear") return sum;
    return add_activation(layer, layer.name, activation, sum);
  }

  absl::StatusOr<TensorId> add_batch_norm(const FloatLayer& layer, TensorId input) {
    auto weights = hgq_batch_norm_weights(layer);
    if (!weights.ok()) return weights.status();
    const Shape shape = shape_of(input);
    const int64_t axis = layer.setting<int64_t>("axis").value_or(-1) + static_cast<int64_t>(shape.size());
    const auto channels = static_cast<int64_t>(weights->scale.raw.size());
    if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) || shape[axis] != channels) {
      return layer_error(layer, absl::StrCat("has ", channels, " channels along axis ", axis, ", its input is ",
                                             model::to_string(shape)));
    }
    if (axis + 1 < static_cast<int64_t>(shape.size())) spread_channels(*weights, shape, axis);
    const auto period = static_cast<int64_t>(weights->scale.raw.size());
    Lanes lanes;
    for (size_t e = 0; e < lanes_.at(input).size(); ++e) {
      const int64_t c = static_cast<int64_t>(e) % period;
      lanes.push_back(scaled(lanes_.at(input)[e], weights->scale.raw[c], weights->scale.type.at(c).fraction()) +
                      scaled({1, 1, 0}, weights->bias.raw[c], weights->bias.type.at(c).fraction()));
    }
    Node node{layer.name, "batch_norm", {input}, {}, {}, {}};
    node.constants["scale"] = std::move(weights->scale);
    node.constants["bias"] = std::move(weights->bias);
    return add_node(std::move(node), shape, std::move(lanes));
  }

  absl::StatusOr<TensorId> add_activation(const FloatLayer& layer, const std::string& name,
                                          const std::string& activation, TensorId input) {
    if (activation == "linear") return input;
    if (activation == "softmax") return add_softmax(layer, input);
    if (layer.setting<double>("threshold").value_or(0) != 0)
      return layer_error(layer, "has a threshold, which is not supported");
    const Shape shape = shape_of(input);
    const auto max_value = layer.setting<double>("max_value");
    const Lanes& x = lanes_.at(input);
    Lanes lanes;
    Node node{name, "relu", {input}, {}, {}, {}};
    if (activation == "relu") {
      for (const Lane& lane : x)
        lanes.push_back({std::max<model::Wide>(lane.low, 0), std::max<model::Wide>(lane.high, 0), lane.fraction});
      const TensorId result = add_node(std::move(node), shape, std::move(lanes));
      return max_value ? add_maximum(name + "_maximum", *max_value, result) : result;
    }
    if (activation != "leaky_relu" && activation != "leakyrelu" && activation != "prelu") {
      return absl::UnimplementedError(
          absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): activation '", activation,
                       "' is not supported in an HGQ2 network; supported: linear, relu, leaky_relu, prelu, softmax"));
    }
    Array slopes{{1},
                 {layer.setting<double>("parameter")
                      .value_or(layer.setting<double>("alpha").value_or(
                          layer.setting<double>("negative_slope").value_or(0.3)))}};
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
    const TensorId result = add_node(std::move(node), shape, std::move(lanes));
    return max_value ? add_maximum(name + "_maximum", *max_value, result) : result;
  }

  /// min(x, value)
  TensorId add_maximum(const std::string& name, double value, TensorId input) {
    Constant high = exact_constant({{1}, {value}});
    const Lane bound = scaled({1, 1, 0}, high.raw[0], high.type.at(0).fraction());
    Lane all = bound;
    Lanes lanes;
    for (const Lane& lane : lanes_.at(input)) {
      all = united(all, lane);
      lanes.push_back(lane_min(lane, bound));
    }
    Node node{name, "clip", {input}, {}, {}, {}};
    node.constants["slope"] = exact_constant({{1}, {1.0}});
    node.constants["shift"] = exact_constant({{1}, {0.0}});
    node.constants["low"] = {{{1}, {holding(all)}}, {static_cast<int64_t>(all.low)}};
    node.constants["high"] = std::move(high);
    return add_node(std::move(node), shape_of(input), std::move(lanes));
  }

  absl::StatusOr<TensorId> add_softmax(const FloatLayer& layer, TensorId input) {
    const Shape shape = shape_of(input);
    auto softmax = hgq_softmax(layer, shape, lanes_.at(input));
    if (!softmax.ok()) return softmax.status();
    if (softmax->input_type) {
      Node conversion{layer.name + "_aligned", "quantize", {input}, {}, {}, {}};
      Lanes lanes = lanes_.at(input);
      input = add_node(std::move(conversion), shape, std::move(lanes), {*softmax->input_type});
    }
    softmax->node.inputs = {input};
    return add_node(std::move(softmax->node), shape, Lanes(model::element_count(shape), softmax->result));
  }

  absl::StatusOr<TensorId> add_reshape(const FloatLayer& layer, TensorId input) {
    const int64_t elements = model::element_count(shape_of(input));
    Shape target = layer.setting<std::vector<int64_t>>("target_shape").value_or(Shape{elements});
    int64_t known = 1;
    for (const int64_t extent : target) known *= extent > 0 ? extent : 1;
    for (int64_t& extent : target) {
      if (extent < 0) extent = elements / known;
    }
    if (model::element_count(target) != elements)
      return layer_error(layer, absl::StrCat("cannot make ", model::to_string(target), " of ", elements, " elements"));
    Node node{layer.name, "reshape", {input}, {}, {}, {}};
    return add_node(std::move(node), target, lanes_.at(input));
  }

  absl::StatusOr<TensorId> add_concatenate(const FloatLayer& layer, const std::vector<TensorId>& inputs) {
    Shape shape = shape_of(inputs[0]);
    const auto event_axis = import::event_axis(layer, shape.size());
    if (!event_axis) return layer_error(layer, "concatenation axis does not exist");
    const auto axis = static_cast<int64_t>(*event_axis);
    int64_t outer = 1;
    for (int64_t a = 0; a < axis; ++a) outer *= shape[a];
    for (size_t i = 1; i < inputs.size(); ++i) shape[axis] += shape_of(inputs[i])[axis];
    Lanes lanes;
    for (int64_t o = 0; o < outer; ++o) {
      for (const TensorId input : inputs) {
        const Lanes& x = lanes_.at(input);
        const auto block = static_cast<std::ptrdiff_t>(x.size()) / outer;
        lanes.insert(lanes.end(), x.begin() + o * block, x.begin() + (o + 1) * block);
      }
    }
    Node node{layer.name, "concatenate", inputs, {}, {}, {}};
    node.attributes["axis"] = axis;
    return add_node(std::move(node), shape, std::move(lanes));
  }

  absl::StatusOr<TensorId> add_merge(const FloatLayer& layer, const std::string& op,
                                     const std::vector<TensorId>& inputs) {
    const Shape shape = shape_of(inputs[0]);
    Lanes lanes = lanes_.at(inputs[0]);
    for (size_t i = 1; i < inputs.size(); ++i) {
      if (shape_of(inputs[i]) != shape) return layer_error(layer, "inputs have different shapes");
      for (size_t e = 0; e < lanes.size(); ++e) {
        const Lane& other = lanes_.at(inputs[i])[e];
        lanes[e] = op == "subtract"   ? lanes[e] + -other
                   : op == "multiply" ? lanes[e] * other
                   : op == "maximum"  ? lane_max(lanes[e], other)
                   : op == "minimum"  ? lane_min(lanes[e], other)
                                      : lanes[e] + other;
      }
    }
    const bool average = layer.kind == "AveragePow2";
    Node node{average ? layer.name + "_sum" : layer.name, op, inputs, {}, {}, {}};
    const TensorId sum = add_node(std::move(node), shape, std::move(lanes));
    if (!average) return sum;
    const int shift = static_cast<int>(std::lround(std::log2(1.0 / static_cast<double>(inputs.size()))));
    Node scale{layer.name, "batch_norm", {sum}, {}, {}, {}};
    scale.constants["scale"] = exact_constant({{1}, {std::ldexp(1.0, shift)}});
    scale.constants["bias"] = exact_constant({{1}, {0.0}});
    Lanes scaled_lanes = lanes_.at(sum);
    for (Lane& lane : scaled_lanes) lane.fraction -= shift;
    return add_node(std::move(scale), shape, std::move(scaled_lanes));
  }

  const FloatModel& source_;
  const QuantiseOptions& options_;
  model::GraphBuilder builder_;
  std::map<std::string, TensorId> tensor_;
  std::map<TensorId, Lanes> lanes_;
  std::set<std::string, std::less<>> event_names_;          ///< inputs whose types their quantisers set
  std::map<TensorId, std::vector<FixedType>> event_types_;  ///< what the first of them set
  std::vector<std::string> warnings_;
  double counted_ebops_ = 0;  ///< the sum of HGQ2's own counts, as the file has them
};

}  // namespace

absl::StatusOr<Quantised> quantise_hgq(const FloatModel& source, const QuantiseOptions& options) {
  return HgqBuilder(source, options).run();
}

}  // namespace strobe::quantise
