#include "kernels/quantise/from_float.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/file_rules.h"
#include "kernels/model/broadcast.h"
#include "kernels/quantise/layer_settings.h"
#include "kernels/quantise/trained_quantizer.h"

namespace strobe::quantise {
namespace {

using import::Array;
using import::FloatLayer;
using import::FloatModel;
using import::layer_error;

Array zeros(int64_t count) { return {{count}, std::vector<double>(count, 0.0)}; }

/// Weights as they stand in the file, or through the quantiser they were trained with.
/// `scale`, where given, takes the quantiser's scale of each channel; elsewhere a quantiser may have none.
absl::StatusOr<WeightArray> trained_weights(const FloatLayer& source, std::string_view which, const Array& array,
                                            std::vector<double>* scale = nullptr) {
  WeightArray weights{array, array, std::nullopt, false};
  auto it = source.quantizers.find(which);
  if (it == source.quantizers.end()) return weights;
  const auto* quantizer = std::get_if<import::UniformQuantizer>(&it->second);
  if (quantizer == nullptr) return layer_error(source, "an HGQ quantiser needs the HGQ path");
  auto quantized = apply_trained_quantizer(*quantizer, array);
  if (!quantized.ok())
    return layer_error(source, absl::StrCat(std::string(which), ": ", std::string(quantized.status().message())));
  weights.values = std::move(quantized->values);
  weights.type = quantized->type;
  weights.has_quantizer = true;
  if (scale != nullptr) *scale = std::move(quantized->scale);
  return weights;
}

class Splitter {
 public:
  Splitter(const FloatModel& source, const HlsConfig& config) : source_(source), config_(config) {}

  absl::StatusOr<TypedModel> run() {
    result_.name = source_.name;
    result_.provenance = source_.provenance;
    for (const FloatLayer& layer : source_.layers) {
      if (absl::Status s = add(layer); !s.ok()) return s;
    }
    for (const import::FloatTensor& output : source_.outputs) {
      auto it = layer_of_tensor_.find(output.name);
      if (it == layer_of_tensor_.end())
        return absl::InvalidArgumentError(absl::StrCat("output '", output.name, "' is never computed"));
      result_.outputs.push_back(it->second);
    }
    return std::move(result_);
  }

 private:
  absl::Status add(const FloatLayer& source) {
    TypedLayer layer;
    layer.name = source.name;
    for (const std::string& tensor : source.inputs) {
      auto it = layer_of_tensor_.find(tensor);
      if (it == layer_of_tensor_.end())
        return layer_error(source, absl::StrCat("reads '", tensor, "', which nothing computes"));
      layer.inputs.push_back(it->second);
    }
    if (source.kind != "Input" && layer.inputs.empty()) return layer_error(source, "has no input");
    const std::string& kind = source.kind;
    if (kind == "Input") return add_input(source, layer);
    if (kind == "Dropout") return alias(source, layer.inputs[0]);
    if (kind == "Dense") return add_dense(source, layer);
    if (kind == "BatchNormalization") return add_batch_norm(source, layer);
    if (kind == "Activation") return add_activation(source, layer);
    if (kind == "Quantizer") {
      layer.kind = "Activation";
      layer.settings["activation"] = std::string("linear");
      return finish(source, std::move(layer), shape_of(layer.inputs[0]));
    }
    if (kind == "Flatten" || kind == "Reshape") return add_reshape(source, layer);
    if (kind == "Transpose") return add_transpose(source, layer);
    if (kind == "Concatenate") return add_concatenate(source, layer);
    static const std::map<std::string, std::string> kMerges = {{"Add", "add"},           {"Subtract", "subtract"},
                                                               {"Multiply", "multiply"}, {"Maximum", "maximum"},
                                                               {"Minimum", "minimum"},   {"Average", "average"}};
    if (auto it = kMerges.find(kind); it != kMerges.end()) {
      layer.kind = "Merge";
      layer.settings["op"] = it->second;
      return finish(source, std::move(layer), merged_shape(layer));
    }
    return absl::UnimplementedError(
        absl::StrCat("layer '", source.name, "' (", source.class_name, "): kind '", kind,
                     "' is not supported; supported: Input, Dense, BatchNormalization, Activation, "
                     "Flatten, Reshape, Transpose, Concatenate, Add, Subtract, Multiply, Maximum, "
                     "Minimum, Average, Dropout"));
  }

  const std::vector<int64_t>& shape_of(const std::string& layer) const { return result_.find(layer)->shape; }

  std::vector<int64_t> merged_shape(const TypedLayer& layer) const {
    std::vector<int64_t> shape = shape_of(layer.inputs[0]);
    for (const std::string& input : layer.inputs) {
      if (model::element_count(shape_of(input)) > model::element_count(shape)) shape = shape_of(input);
    }
    return shape;
  }

  absl::Status alias(const FloatLayer& source, const std::string& target) {
    for (const std::string& tensor : source.outputs) layer_of_tensor_[tensor] = target;
    return absl::OkStatus();
  }

  absl::Status finish(const FloatLayer& source, TypedLayer layer, std::vector<int64_t> shape) {
    layer.shape = std::move(shape);
    if (result_.find(layer.name) != nullptr) return layer_error(source, "two layers have this name");
    configure_layer(layer, config_);
    for (const auto& [name, quantizer] : source.quantizers) {
      const auto* uniform = std::get_if<import::UniformQuantizer>(&quantizer);
      if (name == "output" && uniform != nullptr) note_trained_type(*uniform, layer);
    }
    for (const std::string& tensor : source.outputs) layer_of_tensor_[tensor] = layer.name;
    result_.layers.push_back(std::move(layer));
    return absl::OkStatus();
  }

  /// Remembers what the activation was trained to produce; only strobe's own default uses it.
  static void note_trained_type(const import::UniformQuantizer& quantizer, TypedLayer& layer) {
    if (quantizer.kind == import::UniformQuantizer::Kind::kFixed) layer.types["trained"] = quantizer.type;
  }

  absl::Status add_input(const FloatLayer& source, TypedLayer& layer) {
    layer.kind = "Input";
    auto shape = source.setting<std::vector<int64_t>>("shape");
    if (!shape) {
      for (const auto& input : source_.inputs) {
        if (!source.outputs.empty() && input.name == source.outputs[0]) shape = input.shape;
      }
    }
    if (!shape) return layer_error(source, "has no shape");
    return finish(source, std::move(layer), *shape);
  }

  absl::Status add_dense(const FloatLayer& source, TypedLayer& layer) {
    const Array* kernel = source.array("kernel");
    if (kernel == nullptr || kernel->shape.size() != 2) return layer_error(source, "has no kernel of two axes");
    std::vector<int64_t> shape = shape_of(layer.inputs[0]);
    if (shape.empty() || shape.back() != kernel->shape[0]) {
      return layer_error(source, absl::StrCat("weights are ", kernel->shape[0], "x", kernel->shape[1], ", input is ",
                                              model::to_string(shape)));
    }
    shape.back() = kernel->shape[1];
    layer.kind = "Dense";
    std::vector<double> scale;
    auto weight = trained_weights(source, "kernel", *kernel, &scale);
    if (!weight.ok()) return weight.status();
    layer.weights["weight"] = *weight;
    if (auto it = source.quantizers.find("kernel"); it != source.quantizers.end()) {
      const auto kind = std::get<import::UniformQuantizer>(it->second).kind;
      layer.settings["step_weights"] =
          kind == import::UniformQuantizer::Kind::kBinary || kind == import::UniformQuantizer::Kind::kTernary;
    }
    const Array* bias = source.array("bias");
    if (bias != nullptr) {
      auto trained = trained_weights(source, "bias", *bias);
      if (!trained.ok()) return trained.status();
      layer.weights["bias"] = *trained;
    } else {
      layer.weights["bias"] = no_bias(kernel->shape[1]);
      layer.settings["no_bias"] = true;
    }
    const std::string activation = source.setting<std::string>("activation").value_or("linear");
    const WeightArray own_bias = layer.weights["bias"];
    if (!scale.empty()) layer.weights["bias"] = no_bias(kernel->shape[1]);
    if (absl::Status s = finish(source, std::move(layer), shape); !s.ok()) return s;
    if (!scale.empty()) {
      if (absl::Status s = add_scale(source, scale, own_bias, shape); !s.ok()) return s;
    }
    if (activation == "linear" && source_.framework != "keras2") return absl::OkStatus();
    return add_fused_activation(source, activation);
  }

  static WeightArray no_bias(int64_t channels) {
    return {zeros(channels), zeros(channels), FixedType::ufixed(1, 1), true};
  }

  /// A dense layer's trained scale as a layer of its own behind it, with the bias, as hls4ml has it.
  absl::Status add_scale(const FloatLayer& source, const std::vector<double>& scale, const WeightArray& bias,
                         const std::vector<int64_t>& shape) {
    TypedLayer layer;
    layer.name = source.name + "_alpha";
    layer.kind = "ApplyAlpha";
    layer.inputs = {source.name};
    const Array factors{{static_cast<int64_t>(scale.size())}, scale};
    layer.weights["scale"] = {factors, factors, std::nullopt, false};
    layer.weights["bias"] = bias;
    if (absl::Status s = finish(source, std::move(layer), shape); !s.ok()) return s;
    // Open whatever the configuration's default is, as hls4ml has it.
    TypedLayer& added = result_.layers.back();
    added.types = {{"result", std::nullopt}, {"scale", std::nullopt}, {"bias", bias.type}};
    return absl::OkStatus();
  }

  absl::Status add_fused_activation(const FloatLayer& source, const std::string& activation) {
    FloatLayer act = source;
    act.kind = "Activation";
    act.name = absl::StrCat(source.name, "_", activation);
    act.settings["activation"] = activation;
    act.quantizers.clear();
    if (auto it = source.quantizers.find("activation"); it != source.quantizers.end())
      act.quantizers["output"] = it->second;
    TypedLayer layer;
    layer.name = act.name;
    layer.inputs = {result_.layers.back().name};
    return add_activation(act, layer);
  }

  absl::Status add_batch_norm(const FloatLayer& source, TypedLayer& layer) {
    layer.kind = "BatchNormalization";
    const Array* mean = source.array("moving_mean");
    if (mean == nullptr || source.array("moving_variance") == nullptr)
      return layer_error(source, "has no moving mean or variance");
    const std::vector<int64_t>& shape = shape_of(layer.inputs[0]);
    if (shape.empty() || static_cast<int64_t>(mean->data.size()) != shape.back()) {
      return layer_error(source,
                         absl::StrCat("has ", mean->data.size(), " channels, its input is ", model::to_string(shape)));
    }
    if (source.setting<int64_t>("axis").value_or(-1) != -1) {
      return absl::UnimplementedError(
          absl::StrCat("layer '", source.name, "' (", source.class_name,
                       "): normalises along another axis than the last, which is not supported"));
    }
    fold_batch_norm(source, layer);
    return finish(source, std::move(layer), shape);
  }

  absl::Status add_activation(const FloatLayer& source, TypedLayer& layer) {
    std::string activation = absl::AsciiStrToLower(source.setting<std::string>("activation").value_or("linear"));
    layer.settings = source.settings;
    layer.kind = "Activation";
    const bool leaky = activation == "leakyrelu" || activation == "leaky_relu";
    if ((leaky && source.setting<double>("max_value")) ||
        ((leaky || activation == "relu") && source.setting<double>("threshold"))) {
      return absl::UnimplementedError(
          absl::StrCat("layer '", source.name, "' (", source.class_name, "): a ", activation,
                       " with a threshold, or with a slope and a largest value, is not supported"));
    }
    if (activation == "leakyrelu" || activation == "leaky_relu" || activation == "elu" ||
        activation == "thresholdedrelu" || activation == "thresholded_relu") {
      layer.kind = "ParametrizedActivation";
      activation.erase(std::remove(activation.begin(), activation.end(), '_'), activation.end());
      for (const char* key : {"alpha", "negative_slope", "theta", "threshold"}) {
        if (const auto value = source.setting<double>(key)) layer.settings["parameter"] = *value;
      }
    } else if (activation == "prelu") {
      layer.kind = "PReLU";
      const Array* alpha = source.array("alpha");
      if (alpha == nullptr) return layer_error(source, "has no alpha");
      const auto slopes = spread_slopes(*alpha, shape_of(layer.inputs[0]));
      if (!slopes) {
        return layer_error(source, absl::StrCat("alpha is ", model::to_string(alpha->shape), ", its input ",
                                                model::to_string(shape_of(layer.inputs[0]))));
      }
      layer.weights["param"] = {*slopes, *slopes, std::nullopt, false};
    } else if (activation == "softmax") {
      layer.kind = "Softmax";
      const auto axis = import::event_axis(source, shape_of(layer.inputs[0]).size());
      if (!axis) return layer_error(source, "softmax axis does not exist");
      layer.settings["axis"] = static_cast<int64_t>(*axis);
    } else if (activation == "hard_sigmoid" || activation == "hard_tanh") {
      layer.kind = "HardActivation";
    } else if (activation == "ternary_tanh") {
      layer.kind = "TernaryTanh";
    }
    layer.settings["activation"] = activation;
    return finish(source, std::move(layer), shape_of(layer.inputs[0]));
  }

  /// Slopes as layers take them: one, one for each place along the last axis, or one for each element.
  static std::optional<Array> spread_slopes(const Array& alpha, const std::vector<int64_t>& shape) {
    const auto source = model::broadcast(alpha.shape, shape);
    if (!source) return std::nullopt;
    const bool is_short = alpha.data.size() == 1 ||
                          (!alpha.shape.empty() && alpha.data.size() == static_cast<size_t>(alpha.shape.back()));
    if (is_short) return Array{{static_cast<int64_t>(alpha.data.size())}, alpha.data};
    Array slopes{shape, {}};
    for (const size_t e : *source) slopes.data.push_back(alpha.data[e]);
    return slopes;
  }

  absl::Status add_reshape(const FloatLayer& source, TypedLayer& layer) {
    layer.kind = "Reshape";
    const int64_t elements = model::element_count(shape_of(layer.inputs[0]));
    std::vector<int64_t> target =
        source.setting<std::vector<int64_t>>("target_shape").value_or(std::vector<int64_t>{elements});
    int64_t known = 1;
    for (const int64_t extent : target) known *= extent > 0 ? extent : 1;
    for (int64_t& extent : target) {
      if (extent < 0 && known > 0) extent = elements / known;
    }
    if (model::element_count(target) != elements) {
      return layer_error(source, absl::StrCat("cannot make ", model::to_string(target), " of ",
                                              model::to_string(shape_of(layer.inputs[0]))));
    }
    return finish(source, std::move(layer), target);
  }

  absl::Status add_transpose(const FloatLayer& source, TypedLayer& layer) {
    layer.kind = "Transpose";
    const auto permutation = source.setting<std::vector<int64_t>>("permutation").value_or(std::vector<int64_t>{});
    const std::vector<int64_t>& in = shape_of(layer.inputs[0]);
    std::vector<int64_t> shape;
    for (const int64_t axis : permutation) {
      if (axis < 0 || axis >= static_cast<int64_t>(in.size()))
        return layer_error(source, "permutation names an axis that does not exist");
      shape.push_back(in[axis]);
    }
    if (shape.size() != in.size()) return layer_error(source, "permutation has the wrong number of axes");
    layer.settings["permutation"] = permutation;
    return finish(source, std::move(layer), shape);
  }

  absl::Status add_concatenate(const FloatLayer& source, TypedLayer& layer) {
    layer.kind = "Concatenate";
    std::vector<int64_t> shape = shape_of(layer.inputs[0]);
    const auto axis = import::event_axis(source, shape.size());
    if (!axis) return layer_error(source, "concatenation axis does not exist");
    for (size_t i = 1; i < layer.inputs.size(); ++i) {
      const auto& other = shape_of(layer.inputs[i]);
      if (other.size() != shape.size()) return layer_error(source, "inputs have different ranks");
      shape[*axis] += other[*axis];
    }
    layer.settings["axis"] = static_cast<int64_t>(*axis);
    return finish(source, std::move(layer), shape);
  }

  const FloatModel& source_;
  const HlsConfig& config_;
  TypedModel result_;
  std::map<std::string, std::string> layer_of_tensor_;
};

}  // namespace

absl::StatusOr<TypedModel> type_layers(const FloatModel& model, const HlsConfig& config) {
  return Splitter(model, config).run();
}

}  // namespace strobe::quantise
