#include "kernels/quantise/layer_settings.h"

#include <cmath>

namespace strobe::quantise {

using import::Array;
using import::FloatLayer;

void fold_batch_norm(const FloatLayer& source, TypedLayer& layer) {
  const Array& mean = *source.array("moving_mean");
  const Array& variance = *source.array("moving_variance");
  const Array* gamma = source.array("gamma");
  const Array* beta = source.array("beta");
  const auto epsilon = static_cast<float>(source.setting<double>("epsilon").value_or(1e-3));
  Array scale{{static_cast<int64_t>(mean.data.size())}, std::vector<double>(mean.data.size())};
  Array bias = scale;
  for (size_t c = 0; c < mean.data.size(); ++c) {
    const float g = gamma != nullptr ? static_cast<float>(gamma->data[c]) : 1.0F;
    const float b = beta != nullptr ? static_cast<float>(beta->data[c]) : 0.0F;
    const float s = g / std::sqrt(static_cast<float>(variance.data[c]) + epsilon);
    scale.data[c] = s;
    bias.data[c] = b - s * static_cast<float>(mean.data[c]);
  }
  layer.weights["scale"] = {scale, scale, std::nullopt, false};
  layer.weights["bias"] = {bias, bias, std::nullopt, false};
}

void configure_layer(TypedLayer& layer, const HlsConfig& config) {
  const auto open = [&](const char* variable) {
    layer.types[variable] = config.precision(layer.name, layer.kind, variable).maybe();
  };
  const auto only_explicit = [&](const char* variable, FixedType fallback) {
    const auto entry = config.explicit_precision(layer.name, layer.kind, variable);
    layer.types[variable] = entry && !entry->is_auto ? entry->type : fallback;
  };
  open("result");
  if (layer.kind == "Dense") open("accum");
  for (auto& [name, weights] : layer.weights) {
    if (weights.has_quantizer) {
      layer.types[name] = weights.type;
    } else {
      open(name.c_str());
    }
  }
  if (layer.kind == "ParametrizedActivation") open("param");
  const bool activation = layer.kind == "Activation" || layer.kind == "ParametrizedActivation" ||
                          layer.kind == "PReLU" || layer.kind == "Softmax";
  if (activation) only_explicit("table", FixedType::fixed(18, 8));
  if (layer.kind == "Softmax") {
    const FixedType table = FixedType::fixed(18, 8, model::Rounding::kRnd, model::Overflow::kSat);
    for (const char* name : {"exp_table", "inv_table", "inv_inp"}) only_explicit(name, table);
    open("accum");
  }
  for (const char* key : {"table_size", "exp_table_size", "inv_table_size"}) {
    if (const auto value = config.setting(layer.name, layer.kind, key))
      layer.settings[key] = static_cast<int64_t>(std::stoll(*value));
  }
  if (layer.kind == "Softmax") {
    if (const auto value = config.setting(layer.name, layer.kind, "exp_scale"))
      layer.settings["exp_scale"] = std::stod(*value);
    if (const auto value = config.setting(layer.name, layer.kind, "implementation"))
      layer.settings["implementation"] = *value;
    if (const auto value = config.setting(layer.name, layer.kind, "skip")) layer.settings["skip"] = *value == "true";
  }
  layer.settings["reuse_factor"] = config.reuse_factor(layer.name, layer.kind);
  layer.settings["strategy"] = config.strategy(layer.name, layer.kind);
}

}  // namespace strobe::quantise
