#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "kernels/import/float_model.h"

/// QKeras' quantized_bits(alpha="auto") and (alpha="auto_po2"), whose scale per output channel follows from the
/// weights.
namespace strobe::import {

inline bool has_auto_alpha(const UniformQuantizer& quantizer) {
  const auto it = quantizer.texts.find("alpha");
  return it != quantizer.texts.end() && it->second.starts_with("auto");
}

/// Only quantized_bits of a sign and at least one more bit, the scale along the last axis.
inline bool is_auto_scaled_bits(const UniformQuantizer& quantizer) {
  return has_auto_alpha(quantizer) && quantizer.kind == UniformQuantizer::Kind::kFixed &&
         quantizer.name.starts_with("quantized_bits") && quantizer.type.is_signed && quantizer.type.width > 1 &&
         !quantizer.numbers.contains("scale_axis");
}

struct AutoScaled {
  std::vector<float> values;  ///< on the grid of the quantiser's type, in its symmetric range
  std::vector<float> scale;   ///< one a channel; a weight is its channel's scale times its value
};

namespace auto_scale_detail {

/// QKeras works with numbers divided by 2^integer and counts z in whole steps of the scale.
inline float to_steps(float x, float scale, float most) {
  if (x == 0 || scale == 0) return 0;
  return std::copysign(std::min(std::floor(std::abs(x) / scale + 0.5F), most), x);
}

/// The nearest power of two of a scale, by its logarithm.
inline float power_of_two(float scale) {
  constexpr float kEpsilon = 1e-7F;  // Keras' fuzz factor
  return std::exp2(std::nearbyint(std::log(scale + kEpsilon) / std::log(2.0F)));
}

}  // namespace auto_scale_detail

/// Quantises weights whose last axis has `channels` extents, in float32 as QKeras does it. A channel's scale puts its
/// largest weight on the largest step. For "auto_po2" that is rounded to a power of two; five times the weights are
/// counted in steps and the least-squares scale for those counts, as a power of two, becomes the next: the last counts
/// meet the last scale.
inline AutoScaled auto_scale(const UniformQuantizer& quantizer, std::span<const float> weights, size_t channels) {
  using namespace auto_scale_detail;
  const int bits = quantizer.type.width, integer = quantizer.type.integer - 1;
  const float most = std::ldexp(1.0F, bits - 1) - 1;
  const bool power = quantizer.texts.at("alpha") == "auto_po2";
  AutoScaled result{std::vector<float>(weights.size()), {}};
  for (size_t c = 0; c < channels; ++c) {
    const auto x = [&](size_t w) { return std::ldexp(weights[w], -integer); };
    float largest = 0;
    for (size_t w = c; w < weights.size(); w += channels) largest = std::max(largest, std::abs(x(w)));
    float scale = largest * 2 / (2 * most);
    if (power) scale = power_of_two(scale);
    const auto count = [&] {
      for (size_t w = c; w < weights.size(); w += channels) result.values[w] = to_steps(x(w), scale, most);
    };
    count();
    for (int round = 0; power && round < 5; ++round) {
      if (round > 0) count();
      double product = 0, square = 0;
      for (size_t w = c; w < weights.size(); w += channels) {
        product += static_cast<double>(x(w)) * result.values[w];
        square += static_cast<double>(result.values[w]) * result.values[w];
      }
      const auto n = static_cast<double>(weights.size() / channels);
      scale = power_of_two(static_cast<float>(product / n) / (static_cast<float>(square / n) + 1e-7F));
    }
    result.scale.push_back(std::ldexp(scale, bits - 1));
  }
  for (float& v : result.values) v = std::ldexp(v, integer + 1 - bits);
  return result;
}

}  // namespace strobe::import
