#include "kernels/quantise/quantise.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kernels/quantise/emit.h"
#include "kernels/quantise/forest.h"
#include "kernels/quantise/formula.h"
#include "kernels/quantise/from_float.h"
#include "kernels/quantise/hgq.h"
#include "kernels/quantise/hls_config.h"
#include "kernels/quantise/infer.h"
#include "kernels/quantise/native.h"
#include "kernels/quantise/onnx_passes.h"
#include "kernels/quantise/passes.h"
#include "kernels/quantise/softmax_tables.h"
#include "kernels/quantise/widths.h"

namespace strobe::quantise {
namespace {

bool has_element_quantizers(const import::FloatModel& model) {
  return std::any_of(model.layers.begin(), model.layers.end(), [](const import::FloatLayer& layer) {
    return std::any_of(layer.quantizers.begin(), layer.quantizers.end(), [](const auto& entry) {
      return std::holds_alternative<import::ElementQuantizer>(entry.second);
    });
  });
}

/// Every layer that the configuration names must exist in the file or among the layers made of it.
absl::Status check_names(const import::FloatModel& source, const TypedModel& typed, const HlsConfig& config) {
  std::set<std::string> known;
  for (const auto& layer : source.layers) {
    known.insert(layer.name);
    known.insert(layer.absorbed.begin(), layer.absorbed.end());
  }
  for (const auto& layer : typed.layers) known.insert(layer.name);
  for (const std::string& name : config.named_layers()) {
    if (known.contains(name)) continue;
    std::string list;
    for (const std::string& entry : known) absl::StrAppend(&list, list.empty() ? "" : ", ", entry);
    return absl::InvalidArgumentError(
        absl::StrCat(config.origin(), ": LayerName: the model has no layer '", name, "'; it has: ", list));
  }
  return absl::OkStatus();
}

/// Settings that no softmax follows.
std::vector<std::string> unread_settings(const TypedModel& model, const HlsConfig& config) {
  std::vector<std::string> unread;
  for (const auto& setting : config.softmax_settings()) {
    const bool read = std::any_of(model.layers.begin(), model.layers.end(), [&](const TypedLayer& layer) {
      if (layer.kind != "Softmax" || (!setting.kind.empty() && setting.kind != "softmax")) return false;
      if (!setting.layer.empty() && setting.layer != absl::AsciiStrToLower(layer.name)) return false;
      return softmax_reads(setting.key, layer, *model.find(layer.inputs[0])->type("result"));
    });
    if (!read) unread.push_back(setting.where);
  }
  return unread;
}

/// A softmax that is configured away leaves its logits.
void skip_softmax(TypedModel& model) {
  for (size_t i = 0; i < model.layers.size(); ++i) {
    if (model.layers[i].kind == "Softmax" && model.layers[i].flag("skip", false)) {
      model.remove(model.layers[i].name);
      i = static_cast<size_t>(-1);
    }
  }
}

/// hls4ml has one slope for every framework's hard sigmoid, 0.2; Keras 3 has 1/6. Its configuration means its
/// arithmetic.
void use_hls4ml_slopes(TypedModel& model) {
  for (TypedLayer& layer : model.layers) {
    if (layer.kind == "HardActivation" && layer.real("slope", 0.2) != 0.5) layer.settings["slope"] = 0.2;
  }
}

/// hls4ml rounds the thresholds of binary and ternary steps down and counts without biases; strobe's own rules do
/// neither.
void step_as_the_framework(TypedModel& model) {
  for (TypedLayer& layer : model.layers) {
    layer.settings.erase("step_weights");
    if (layer.kind == "BatchNormalization" || layer.kind == "ApplyAlpha") layer.settings["exact_step"] = true;
  }
}

/// Events arrive as `type`; the network's own input type follows by a conversion.
void put_border_in_front(TypedModel& model, const FixedType& type) {
  for (size_t i = 0; i < model.layers.size(); ++i) {
    TypedLayer& input = model.layers[i];
    if (input.kind != "Input" || *input.type("result") == type) continue;
    TypedLayer conversion = input;
    conversion.name = input.name + "_quantizer";
    conversion.kind = "Activation";
    conversion.settings["activation"] = std::string("linear");
    conversion.inputs = {input.name};
    input.types["result"] = FixedType{type.is_signed, type.width, type.integer, type.rounding, type.overflow};
    for (TypedLayer* reader : model.readers(input.name)) {
      std::replace(reader->inputs.begin(), reader->inputs.end(), input.name, conversion.name);
    }
    std::replace(model.outputs.begin(), model.outputs.end(), input.name, conversion.name);
    model.layers.insert(model.layers.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(conversion));
    ++i;
  }
}

/// An HGQ2 network brings its own formats; of a configuration only reuse factors and strategies are left to follow.
absl::StatusOr<Quantised> quantise_hgq_with_config(const import::FloatModel& source, const QuantiseOptions& options) {
  if (options.weight_bits || options.score_type) {
    return absl::InvalidArgumentError(absl::StrCat(
        "model '", source.name,
        "': an HGQ2 network brings the formats of its weights and scores; only the input's can be chosen"));
  }
  auto result = quantise_hgq(source, options);
  if (!result.ok() || options.config.empty()) return result;
  auto config = HlsConfig::parse(options.config, options.config_origin);
  if (!config.ok()) return config.status();
  TypedModel layers;
  if (absl::Status s = check_names(source, layers, *config); !s.ok()) return s;
  model::GraphBuilder builder(result->graph);
  for (model::Node& node : builder.mutable_nodes()) {
    if (node.op != "dense") continue;
    const std::string layer = node.name.ends_with("_sum") ? node.name.substr(0, node.name.size() - 4) : node.name;
    node.attributes["reuse_factor"] = config->reuse_factor(layer, "Dense");
    node.attributes["strategy"] = config->strategy(layer, "Dense");
  }
  auto graph = std::move(builder).build();
  if (!graph.ok()) return graph.status();
  result->graph = *std::move(graph);
  result->without_effect = config->without_effect();
  for (const auto& setting : config->softmax_settings()) result->without_effect.push_back(setting.where);
  result->without_effect.push_back("Precision (an HGQ2 network has its own formats)");
  return result;
}

bool is_weight(const std::string& array) { return array == "kernel" || array == "weight"; }

/// Whether a network has a weight whose width nobody chose in training.
bool has_open_weights(const import::FloatModel& model) {
  return std::any_of(model.layers.begin(), model.layers.end(), [](const import::FloatLayer& layer) {
    return std::any_of(layer.arrays.begin(), layer.arrays.end(), [&](const auto& array) {
      return is_weight(array.first) && !layer.quantizers.contains(array.first);
    });
  });
}

}  // namespace

OpenWidths open_widths(const import::FloatModel& model) {
  if (is_forest(model)) return {true, true, true};
  if (is_formula(model)) return {};
  if (has_element_quantizers(model)) return {false, false};
  // The weights of a QONNX file are constants behind nodes that quantise them.
  return {model.framework == "qonnx" ? false : model.framework == "onnx" || has_open_weights(model), true};
}

absl::StatusOr<Quantised> quantise(const import::FloatModel& source, const QuantiseOptions& options) {
  if (options.weight_bits) {
    if (absl::Status s = check_weight_bits(*options.weight_bits); !s.ok()) return s;
  }
  if (is_forest(source)) return quantise_forest(source, options);
  if (is_formula(source)) return quantise_formula(source, options);
  if (has_element_quantizers(source)) return quantise_hgq_with_config(source, options);

  const bool own = options.config.empty();
  auto config =
      HlsConfig::parse(own ? "Model: {Precision: auto}" : options.config, own ? "default" : options.config_origin);
  if (!config.ok()) return config.status();
  const bool onnx = source.framework == "onnx" || source.framework == "qonnx";
  auto typed = onnx ? type_onnx_layers(source, *config) : type_layers(source, *config);
  if (!typed.ok()) return typed.status();
  if (absl::Status s = check_names(source, *typed, *config); !s.ok()) return s;

  if (!own) use_hls4ml_slopes(*typed);
  simplify_before_inference(*typed);
  if (options.score_type) set_score_type(*typed, *options.score_type);
  if (own) {
    infer_native(*typed, options.input_type, options.weight_bits);
    step_as_the_framework(*typed);
    simplify_after_inference(*typed);
  } else {
    if (options.weight_bits) set_weight_bits(*typed, *options.weight_bits);
    infer_types(*typed, *config);
    simplify_after_inference(*typed);
    skip_softmax(*typed);
    if (options.input_type) put_border_in_front(*typed, *options.input_type);
  }

  std::vector<std::string> warnings;
  auto graph = emit_graph(*typed, own ? WeightRule::kDirect : WeightRule::kDecimal, warnings);
  if (!graph.ok()) return graph.status();
  std::vector<std::string> without_effect = config->without_effect();
  for (std::string& setting : unread_settings(*typed, *config)) without_effect.push_back(std::move(setting));
  return Quantised{*std::move(graph), std::move(warnings), std::move(without_effect)};
}

}  // namespace strobe::quantise
