#include "kernels/quantise/hgq_weights.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/import/file_rules.h"
#include "kernels/model/broadcast.h"
#include "kernels/quantise/lanes.h"

namespace strobe::quantise {
namespace {

using import::Array;
using import::ElementQuantizer;
using import::FloatLayer;
using import::layer_error;
using model::Constant;
using model::FixedType;
using model::Shape;

absl::StatusOr<std::pair<model::Rounding, model::Overflow>> modes(const ElementQuantizer& quantizer) {
  model::Rounding rounding;
  if (quantizer.rounding == "TRN") {
    rounding = model::Rounding::kTrn;
  } else if (quantizer.rounding == "RND" || quantizer.rounding == "S_RND") {
    rounding = model::Rounding::kRnd;
  } else if (quantizer.rounding == "RND_CONV" || quantizer.rounding == "S_RND_CONV") {
    rounding = model::Rounding::kRndConv;
  } else {
    return absl::UnimplementedError(
        absl::StrCat("rounding mode '", quantizer.rounding, "' is not TRN, RND or RND_CONV"));
  }
  if (quantizer.overflow == "WRAP") return std::pair(rounding, model::Overflow::kWrap);
  if (quantizer.overflow == "SAT") return std::pair(rounding, model::Overflow::kSat);
  if (quantizer.overflow == "SAT_SYM" || quantizer.overflow == "SYM")
    return std::pair(rounding, model::Overflow::kSatSym);
  return absl::UnimplementedError(absl::StrCat("overflow mode '", quantizer.overflow, "' is not WRAP, SAT or SAT_SYM"));
}

/// Rounded on the grid of 2^-f in float32.
float round_on_grid(float value, int fraction, model::Rounding rounding) {
  const float scaled = std::ldexp(value, fraction);
  switch (rounding) {
    case model::Rounding::kTrn:
      return std::ldexp(std::floor(scaled), -fraction);
    case model::Rounding::kRndConv:
      return std::ldexp(static_cast<float>(import::round_half_even(scaled)), -fraction);
    default:
      return std::ldexp(std::floor(scaled + 0.5F), -fraction);
  }
}

float quantize_value(float value, const FixedType& type, bool never_wraps) {
  if (type.width == 0) return 0;
  if (type.overflow == model::Overflow::kWrap) {
    const float rounded = round_on_grid(value, type.fraction(), type.rounding);
    if (never_wraps) return rounded;
    return static_cast<float>(model::to_double(model::cast(static_cast<double>(rounded), type), type));
  }
  const auto low = static_cast<float>(static_cast<double>(type.min_raw()) * type.step());
  const auto high = static_cast<float>(static_cast<double>(type.max_raw()) * type.step());
  return round_on_grid(std::clamp(value, low, high), type.fraction(), type.rounding);
}

}  // namespace

absl::StatusOr<std::vector<FixedType>> element_types(const ElementQuantizer& quantizer, const Shape& shape) {
  auto mode = modes(quantizer);
  if (!mode.ok()) return mode.status();
  std::vector<size_t> sources[3];
  const Array* arrays[3] = {&quantizer.k, &quantizer.i, &quantizer.f};
  for (int a = 0; a < 3; ++a) {
    auto found = model::broadcast(arrays[a]->shape, shape);
    if (!found) {
      return absl::InvalidArgumentError(absl::StrCat("a quantiser of shape ", model::to_string(arrays[a]->shape),
                                                     " on a tensor of shape ", model::to_string(shape)));
    }
    sources[a] = *std::move(found);
  }
  std::vector<FixedType> types;
  for (int64_t e = 0; e < model::element_count(shape); ++e) {
    const int k = quantizer.k.data[sources[0][e]] != 0 ? 1 : 0;
    const double i = quantizer.i.data[sources[1][e]];
    const double f = quantizer.f.data[sources[2][e]];
    if (!(k + i + f > 0)) {
      types.push_back({false, 0, 0, mode->first, mode->second});
      continue;
    }
    if (k + i + f > 63 || std::abs(i) > 256 || std::abs(f) > 256) {
      return absl::InvalidArgumentError(
          absl::StrCat("element ", e, " has k=", k, ", i=", i, ", f=", f, ": more than 63 bits"));
    }
    types.push_back({k == 1, static_cast<int>(k + i + f), static_cast<int>(k + i), mode->first, mode->second});
  }
  return types;
}

Constant exact_constant(const Array& values) {
  Constant result{{values.shape, {}}, {}};
  if (result.type.shape.empty()) result.type.shape = {1};
  for (const double value : values.data) {
    int exponent = 0;
    double mantissa = std::frexp(value, &exponent);
    int digits = 0;
    while (mantissa != std::floor(mantissa)) {
      mantissa *= 2;
      ++digits;
    }
    const auto raw = static_cast<model::Wide>(mantissa);
    const FixedType type = holding({raw, raw, digits - exponent});
    result.type.types.push_back(type);
    result.raw.push_back(type.width == 0 ? 0 : static_cast<int64_t>(raw));
  }
  return result;
}

absl::StatusOr<Constant> quantize_weights(const FloatLayer& layer, const std::string& which, const Array& values) {
  for (const double value : values.data) {
    if (!std::isfinite(value)) {
      return layer_error(layer, absl::StrCat(which, ": not finite after folding the batch normalisation"));
    }
  }
  auto it = layer.quantizers.find(which);
  const auto* quantizer = it == layer.quantizers.end() ? nullptr : std::get_if<ElementQuantizer>(&it->second);
  if (quantizer == nullptr) return exact_constant(values);
  auto types = element_types(*quantizer, values.shape);
  if (!types.ok()) return layer_error(layer, absl::StrCat(which, ": ", std::string(types.status().message())));
  Array quantized = values;
  for (size_t e = 0; e < values.data.size(); ++e) {
    quantized.data[e] = quantize_value(static_cast<float>(values.data[e]), (*types)[e], quantizer->trainable_wrap);
  }
  return exact_constant(quantized);
}

absl::StatusOr<DenseWeights> hgq_dense_weights(const FloatLayer& layer) {
  const Array* kernel = layer.array("kernel");
  if (kernel == nullptr || kernel->shape.size() != 2) return layer_error(layer, "has no kernel of two axes");
  Array fused = *kernel;
  Array bias = layer.array("bias") != nullptr ? *layer.array("bias") : Array{};
  const Array* mean = layer.array("moving_mean");
  const Array* variance = layer.array("moving_variance");
  if (mean != nullptr && variance != nullptr) {
    const Array* gamma = layer.array("gamma");
    const auto epsilon = static_cast<float>(layer.setting<double>("epsilon").value_or(1e-7));
    const bool normalises_inputs = layer.class_name == "QBatchNormDense";
    const int64_t n_in = kernel->shape[0], n_out = kernel->shape[1];
    const int64_t channels = normalises_inputs ? n_in : n_out;
    if (static_cast<int64_t>(mean->data.size()) != channels ||
        static_cast<int64_t>(variance->data.size()) != channels) {
      return layer_error(layer,
                         absl::StrCat("batch normalisation has ", mean->data.size(), " channels, expected ", channels));
    }
    if (bias.data.empty()) bias = {{n_out}, std::vector<double>(n_out, 0.0)};
    std::vector<float> scale(channels);
    for (int64_t c = 0; c < channels; ++c) {
      scale[c] = (gamma != nullptr ? static_cast<float>(gamma->data[c]) : 1.0F) /
                 std::sqrt(static_cast<float>(variance->data[c]) + epsilon);
    }
    for (int64_t i = 0; i < n_in; ++i) {
      for (int64_t j = 0; j < n_out; ++j) {
        fused.data[i * n_out + j] = static_cast<float>(kernel->data[i * n_out + j]) * scale[normalises_inputs ? i : j];
      }
    }
    for (int64_t j = 0; j < n_out; ++j) {
      float offset = 0;
      if (normalises_inputs) {
        for (int64_t i = 0; i < n_in; ++i)
          offset += static_cast<float>(mean->data[i]) * static_cast<float>(kernel->data[i * n_out + j]);
        offset = -offset;
      } else {
        offset = -static_cast<float>(mean->data[j]) * scale[j];
      }
      bias.data[j] = static_cast<float>(bias.data[j]) + offset;
    }
  }
  DenseWeights result;
  auto quantized = quantize_weights(layer, "kernel", fused);
  if (!quantized.ok()) return quantized.status();
  result.kernel = *std::move(quantized);
  if (!bias.data.empty()) {
    if (bias.shape.size() > 1) bias.shape = {static_cast<int64_t>(bias.data.size())};
    if (static_cast<int64_t>(bias.data.size()) != kernel->shape[1]) {
      return layer_error(layer, absl::StrCat("has ", bias.data.size(), " biases for ", kernel->shape[1], " outputs"));
    }
    auto quantized_bias = quantize_weights(layer, "bias", bias);
    if (!quantized_bias.ok()) return quantized_bias.status();
    result.bias = *std::move(quantized_bias);
  }
  return result;
}

absl::StatusOr<BatchNormWeights> hgq_batch_norm_weights(const FloatLayer& layer) {
  const Array* mean = layer.array("moving_mean");
  const Array* variance = layer.array("moving_variance");
  if (mean == nullptr || variance == nullptr) return layer_error(layer, "has no moving mean or variance");
  const Array* gamma = layer.array("gamma");
  const Array* beta = layer.array("beta");
  const auto epsilon = static_cast<float>(layer.setting<double>("epsilon").value_or(1e-3));
  Array scale = *mean, bias = *mean;
  for (size_t c = 0; c < mean->data.size(); ++c) {
    const float s = (gamma != nullptr ? static_cast<float>(gamma->data[c]) : 1.0F) /
                    std::sqrt(static_cast<float>(variance->data[c]) + epsilon);
    scale.data[c] = s;
    bias.data[c] = (beta != nullptr ? static_cast<float>(beta->data[c]) : 0.0F) - static_cast<float>(mean->data[c]) * s;
  }
  auto q_scale = quantize_weights(layer, "kernel", scale);
  if (!q_scale.ok()) return q_scale.status();
  auto q_bias = quantize_weights(layer, "bias", bias);
  if (!q_bias.ok()) return q_bias.status();
  return BatchNormWeights{*std::move(q_scale), *std::move(q_bias)};
}

void spread_channels(BatchNormWeights& weights, const Shape& shape, int64_t axis) {
  int64_t inner = 1;
  for (size_t a = axis + 1; a < shape.size(); ++a) inner *= shape[a];
  for (Constant* constant : {&weights.scale, &weights.bias}) {
    Constant spread{{shape, {}}, {}};
    for (int64_t e = 0; e < model::element_count(shape); ++e) {
      const int64_t channel = e / inner % shape[axis];
      spread.raw.push_back(constant->raw[channel]);
      spread.type.types.push_back(constant->type.at(channel));
    }
    *constant = std::move(spread);
  }
}

std::optional<double> hgq_dense_ebops(const FloatLayer& layer, const Shape& shape) {
  const auto widths = [&](const char* name, const Shape& extents) -> std::optional<std::vector<int>> {
    auto it = layer.quantizers.find(name);
    const auto* quantizer = it == layer.quantizers.end() ? nullptr : std::get_if<ElementQuantizer>(&it->second);
    if (quantizer == nullptr) return std::nullopt;
    const auto types = element_types(*quantizer, extents);
    if (!types.ok()) return std::nullopt;
    std::vector<int> bits;
    for (const FixedType& t : *types)
      bits.push_back(t.width - (t.is_signed && t.overflow != model::Overflow::kSat ? 1 : 0));
    return bits;
  };
  const Array* kernel = layer.array("kernel");
  const auto input = widths("input", shape);
  const auto weight = widths("kernel", kernel->shape);
  if (!input || !weight) return std::nullopt;
  const int64_t n_in = kernel->shape[0], n_out = kernel->shape[1];
  double ebops = 0;
  for (size_t e = 0; e < input->size(); ++e) {
    const int64_t i = static_cast<int64_t>(e) % n_in;
    for (int64_t j = 0; j < n_out; ++j) ebops += (*input)[e] * (*weight)[i * n_out + j];
  }
  const auto rows = static_cast<double>(input->size()) / static_cast<double>(n_in);
  if (const auto bias = widths("bias", {n_out})) {
    for (const int bits : *bias) ebops += rows * bits;
  }
  return ebops;
}

}  // namespace strobe::quantise
