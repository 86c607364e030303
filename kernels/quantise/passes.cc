#include "kernels/quantise/passes.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace strobe::quantise {
namespace {

using import::Array;

bool all_equal(const Array& array, double value) {
  return std::all_of(array.data.begin(), array.data.end(), [&](double v) { return v == value; });
}

bool is_batch_norm(const TypedLayer& layer) { return layer.kind == "BatchNormalization" || layer.kind == "ApplyAlpha"; }

/// Element i of an array that may hold one value for all.
float at(const Array& array, size_t i) { return static_cast<float>(array.data[i % array.data.size()]); }

void scale_columns(Array& weights, const Array& scale) {
  const size_t columns = weights.shape.back();
  for (size_t i = 0; i < weights.data.size(); ++i)
    weights.data[i] = at(scale, i % columns) * static_cast<float>(weights.data[i]);
}

/// May two parameters be multiplied (or added) into one? Not where both were trained with a quantiser, unless one is
/// neutral.
bool may_fold(const WeightArray& first, const WeightArray& second, double neutral) {
  return (!first.has_quantizer && !second.has_quantizer) ||
         (all_equal(first.unquantized, neutral) && !first.has_quantizer) ||
         (all_equal(second.unquantized, neutral) && !second.has_quantizer);
}

bool fold_into_dense(TypedModel& model, TypedLayer& norm) {
  TypedLayer& dense = *model.find(norm.inputs[0]);
  if (dense.kind != "Dense" || !dense.wants("result") || model.readers(dense.name).size() != 1) return false;
  WeightArray& weight = dense.weights["weight"];
  WeightArray& bias = dense.weights["bias"];
  const WeightArray& scale = norm.weights["scale"];
  const WeightArray& shift = norm.weights["bias"];
  const bool no_bias = dense.flag("no_bias", false);
  WeightArray plain_bias = bias;
  if (no_bias) plain_bias.has_quantizer = false;  // the absent bias's one-bit type was nobody's choice
  if (!may_fold(weight, scale, 1.0) || !may_fold(plain_bias, shift, 0.0)) return false;
  scale_columns(weight.values, scale.values);
  weight.unquantized = weight.values;
  for (size_t j = 0; j < bias.values.data.size(); ++j) {
    bias.values.data[j] = at(scale.values, j) * static_cast<float>(bias.values.data[j]) + at(shift.values, j);
  }
  bias.unquantized = bias.values;
  if (no_bias) {
    bias.has_quantizer = false;
    dense.settings.erase("no_bias");
    dense.types["bias"] = dense.types["folded_bias"];
  }
  dense.types.erase("folded_bias");
  model.remove(norm.name);
  return true;
}

bool fold_batch_norms(TypedModel& model) {
  for (TypedLayer& layer : model.layers) {
    if (is_batch_norm(layer) && fold_into_dense(model, layer)) return true;
  }
  return false;
}

bool drop_linear(TypedModel& model) {
  for (TypedLayer& layer : model.layers) {
    if (layer.kind != "Activation" || layer.text("activation") != "linear") continue;
    const TypedLayer& parent = *model.find(layer.inputs[0]);
    const bool same = parent.type("result") == layer.type("result");
    const bool safe = parent.kind == "Dense" || is_batch_norm(parent) || parent.kind == "Activation" ||
                      parent.kind == "ParametrizedActivation" || parent.kind == "Softmax" || parent.kind == "PReLU";
    if (!same && !(safe && parent.wants("result"))) continue;
    model.remove(layer.name);
    return true;
  }
  return false;
}

TypedLayer ternary_scale(const TypedLayer& step, double threshold) {
  TypedLayer scale;
  scale.name = step.name + "_scale";
  scale.kind = "ApplyAlpha";
  scale.inputs = step.inputs;
  scale.shape = step.shape;
  const int64_t channels = step.shape.back();
  Array factor{{channels}, std::vector<double>(channels, 0.5 / threshold)};
  Array zero{{channels}, std::vector<double>(channels, 0.0)};
  scale.weights["scale"] = {factor, factor, std::nullopt, false};
  scale.weights["bias"] = {zero, zero, std::nullopt, false};
  scale.types = {{"result", std::nullopt}, {"scale", std::nullopt}, {"bias", std::nullopt}};
  return scale;
}

void scale_ternary_thresholds(TypedModel& model) {
  for (size_t i = 0; i < model.layers.size(); ++i) {
    TypedLayer& step = model.layers[i];
    const double threshold = step.real("threshold", 0.5);
    if (step.kind != "TernaryTanh" || threshold == 0.5 || threshold <= 0) continue;
    TypedLayer scale = ternary_scale(step, threshold);
    step.settings["threshold"] = 0.5;
    step.inputs = {scale.name};
    model.layers.insert(model.layers.begin() + static_cast<std::ptrdiff_t>(i), std::move(scale));
    ++i;
  }
}

bool is_step(const TypedLayer& layer) {
  const std::string activation = layer.text("activation");
  return layer.kind == "TernaryTanh" ||
         (layer.kind == "Activation" &&
          (activation == "binary_tanh" || activation == "binary" || activation == "ternary"));
}

WeightArray thresholds(const Array& scale, const Array& bias, double level, const FixedType& type) {
  WeightArray result;
  result.values = scale.data.size() > bias.data.size() ? scale : bias;
  const double grid = std::ldexp(1.0, type.fraction());
  const double limit = 2.0 * static_cast<double>(type.max_raw() + 1) / grid;
  for (size_t c = 0; c < result.values.data.size(); ++c) {
    const float s = at(scale, c);
    const float threshold = static_cast<float>(level) / s + -at(bias, c) / s;
    // A scale of zero puts the crossing at infinity, or nowhere: past the range.
    const double crossing = std::isnan(threshold) ? limit : std::clamp<double>(threshold, -limit, limit);
    result.values.data[c] = std::isfinite(threshold) ? std::floor(threshold * grid) / grid : crossing;
  }
  result.unquantized = result.values;
  result.type = type;
  result.has_quantizer = true;
  return result;
}

bool all_positive(const Array& array) {
  return std::all_of(array.data.begin(), array.data.end(), [](double v) { return v > 0; });
}

/// The smallest inputs that give +1, where hls4ml's rounding down would let the value below pass too. Beyond the
/// input's range, one step past it.
WeightArray exact_thresholds(const Array& scale, const Array& bias, const FixedType& in) {
  WeightArray result;
  result.values = scale.data.size() > bias.data.size() ? scale : bias;
  const double low = model::to_double(static_cast<int64_t>(in.min_raw()), in);
  const double past = model::to_double(static_cast<int64_t>(in.max_raw()), in) + in.step();
  bool inside = true;
  for (size_t c = 0; c < result.values.data.size(); ++c) {
    const double crossing = -bias.data[c % bias.data.size()] / scale.data[c % scale.data.size()];
    double& threshold = result.values.data[c];
    threshold = std::clamp(std::ceil(crossing / in.step()) * in.step(), low, past);
    inside = inside && threshold < past;
  }
  result.unquantized = result.values;
  result.type = inside ? in : FixedType{in.is_signed, in.width + 1, in.integer + 1};
  result.has_quantizer = true;
  return result;
}

/// sign(s x + b) = sign(±x + b / |s|): factors of one bit and offsets on the input's grid say the same exactly, where
/// factors of mixed signs keep the step from becoming a threshold.
void reduce_to_signs(TypedLayer& norm, const FixedType& in) {
  WeightArray &scale = norm.weights["scale"], &bias = norm.weights["bias"];
  const double limit = std::ldexp(1.0, in.integer + 1);
  for (size_t c = 0; c < bias.values.data.size(); ++c) {
    double& s = scale.values.data[scale.values.data.size() == 1 ? 0 : c];
    double& b = bias.values.data[c];
    b = s == 0 ? (b >= 0 ? 0.0 : -1.0) : std::floor(b / std::abs(s) / in.step()) * in.step();
    b = std::clamp(b, -limit, limit - in.step());
    s = s > 0 ? 1 : s < 0 ? -1 : 0;
  }
  const FixedType wide{true, in.width + 2, in.integer + 2};
  scale.type = FixedType::fixed(2, 2);
  bias.type = wide;
  scale.has_quantizer = bias.has_quantizer = true;
  scale.unquantized = scale.values;
  bias.unquantized = bias.values;
  norm.types["scale"] = scale.type;
  norm.types["bias"] = bias.type;
  norm.types["result"] = FixedType{true, wide.width + 1, wide.integer + 1};
  norm.settings["keep"] = true;
}

void reduce_mixed_signs(TypedModel& model) {
  for (TypedLayer& norm : model.layers) {
    if (!is_batch_norm(norm) || !norm.flag("exact_step", false) || all_positive(norm.weights["scale"].values)) continue;
    const auto readers = model.readers(norm.name);
    const bool step_only =
        !readers.empty() && std::all_of(readers.begin(), readers.end(), [](const TypedLayer* reader) {
          return is_step(*reader) && reader->text("activation").starts_with("binary");
        });
    const bool published = std::find(model.outputs.begin(), model.outputs.end(), norm.name) != model.outputs.end();
    const bool alike = norm.weights["scale"].values.data.size() == norm.weights["bias"].values.data.size();
    if (step_only && !published && alike) reduce_to_signs(norm, *model.find(norm.inputs[0])->type("result"));
  }
}

/// A batch normalisation followed by a step: the step moves to where the normalised value crosses it.
bool merge_norm_and_step(TypedModel& model) {
  for (TypedLayer& step : model.layers) {
    if (!is_step(step) || !is_batch_norm(*model.find(step.inputs[0]))) continue;
    TypedLayer& norm = *model.find(step.inputs[0]);
    const FixedType in = *model.find(norm.inputs[0])->type("result");
    const bool exact = norm.flag("exact_step", false);
    if (norm.flag("keep", false) || (exact && !all_positive(norm.weights["scale"].values))) continue;
    TypedLayer merged;
    merged.name = "bnbt_" + norm.name;
    merged.kind = "BatchNormalizationQuantizedTanh";
    merged.inputs = norm.inputs;
    merged.shape = step.shape;
    const bool binary = step.text("activation").starts_with("binary");
    merged.settings["mode"] = std::string(binary ? "binary" : "ternary");
    merged.types["result"] = FixedType::fixed(2, 2);
    const Array& scale = norm.weights["scale"].values;
    const Array& bias = norm.weights["bias"].values;
    const double level = step.real("threshold", 0.5);
    if (binary) {
      merged.weights["threshold"] = exact ? exact_thresholds(scale, bias, in) : thresholds(scale, bias, 0, in);
    } else {
      merged.weights["high"] = thresholds(scale, bias, level, in);
      merged.weights["low"] = thresholds(scale, bias, -level, in);
    }
    const std::string old_step = step.name;
    const std::string old_norm = norm.name;
    for (TypedLayer& layer : model.layers)
      std::replace(layer.inputs.begin(), layer.inputs.end(), old_step, merged.name);
    std::replace(model.outputs.begin(), model.outputs.end(), old_step, merged.name);
    step = std::move(merged);
    if (model.readers(old_norm).empty()) {
      std::erase_if(model.layers, [&](const TypedLayer& layer) { return layer.name == old_norm; });
    }
    return true;
  }
  return false;
}

/// A dense layer of binary or ternary weights behind such a step only counts: integers wide enough for its inputs.
void count_in_integers(TypedModel& model) {
  for (TypedLayer& dense : model.layers) {
    if (dense.kind != "Dense" || !dense.flag("step_weights", false)) continue;
    if (model.find(dense.inputs[0])->kind != "BatchNormalizationQuantizedTanh") continue;
    const int64_t n_in = dense.weights["weight"].values.shape[0];
    const int bits = std::bit_width(static_cast<uint64_t>(n_in - 1)) + 2;
    const FixedType type = FixedType::fixed(bits, bits);
    dense.types["accum"] = type;
    dense.types["result"] = type;
    WeightArray& bias = dense.weights["bias"];
    std::fill(bias.values.data.begin(), bias.values.data.end(), 0.0);
    for (TypedLayer* reader : model.readers(dense.name)) {
      if (reader->kind != "BatchNormalizationQuantizedTanh") continue;
      for (auto& [name, weights] : reader->weights) {
        weights.type = type;
        for (double& value : weights.values.data) value = std::floor(value);
      }
    }
  }
}

}  // namespace

void simplify_before_inference(TypedModel& model) {
  scale_ternary_thresholds(model);
  while (fold_batch_norms(model) || drop_linear(model)) {
  }
}

void simplify_after_inference(TypedModel& model) {
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const TypedLayer& layer = model.layers[i];
    if (is_batch_norm(layer) && all_equal(layer.weights.at("scale").unquantized, 1.0) &&
        all_equal(layer.weights.at("bias").unquantized, 0.0)) {
      model.remove(layer.name);
      i = static_cast<size_t>(-1);
    }
  }
  reduce_mixed_signs(model);
  while (merge_norm_and_step(model)) {
    count_in_integers(model);
  }
}

}  // namespace strobe::quantise
