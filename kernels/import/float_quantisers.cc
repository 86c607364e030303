#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/import/auto_scale.h"
#include "kernels/import/file_rules.h"
#include "kernels/import/float_arithmetic.h"
#include "kernels/model/broadcast.h"

namespace strobe::import::float_arithmetic {
namespace {

double number(const UniformQuantizer& quantizer, std::string_view key, double fallback) {
  const auto it = quantizer.numbers.find(key);
  return it == quantizer.numbers.end() ? fallback : it->second;
}

absl::Status check_uniform(const UniformQuantizer& quantizer) {
  if (has_auto_alpha(quantizer)) {
    return absl::UnimplementedError(absl::StrCat("quantiser ", quantizer.name, ": alpha '", quantizer.texts.at("alpha"),
                                                 "' depends on the values"));
  }
  if (absl::StrContains(quantizer.name, "po2")) {
    return absl::UnimplementedError(absl::StrCat("quantiser ", quantizer.name, ": powers of two in floating point"));
  }
  return absl::OkStatus();
}

void quantise_fixed(const UniformQuantizer& quantizer, std::span<float> values) {
  const model::FixedType& type = quantizer.type;
  const double scale = number(quantizer, "alpha", 1);
  const bool is_sign = type.is_signed && type.width == 1;  // QKeras makes quantized_bits(1) -1 and +1
  const auto low = static_cast<double>(type.min_raw()), high = static_cast<double>(type.max_raw());
  for (float& v : values) {
    const double rounded = std::clamp(round_half_even(std::ldexp(v, type.fraction())), low, high);
    v = static_cast<float>(scale * (is_sign ? (v >= 0 ? 1.0 : -1.0) : std::ldexp(rounded, -type.fraction())));
  }
}

void quantise_binary(const UniformQuantizer& quantizer, std::span<float> values) {
  const auto scale = static_cast<float>(number(quantizer, "alpha", number(quantizer, "H", 1)));
  const float low = number(quantizer, "use_01", 0) != 0 ? 0.0F : -scale;
  for (float& v : values) v = v >= 0 ? scale : low;
}

void quantise_ternary(const UniformQuantizer& quantizer, std::span<float> values) {
  const double height = number(quantizer, "H", 1);
  const auto scale = static_cast<float>(number(quantizer, "alpha", height));
  const double threshold = number(quantizer, "threshold", 0.33) * height;
  for (float& v : values) v = v >= threshold ? scale : v <= -threshold ? -scale : 0.0F;
}

struct QonnxElement {
  float scale, zero_point;
  double bits;
};

struct Limits {
  double low, high;
};

Limits limits(double bits, bool is_signed, bool narrow) {
  if (is_signed) return {-std::exp2(bits - 1) + narrow, std::exp2(bits - 1) - 1};
  return {0, std::exp2(bits) - 1 - narrow};
}

/// QONNX's Quant: scale, clamp, then round.
float quant(const UniformQuantizer& quantizer, const std::string& mode, const QonnxElement& at, float value) {
  const bool is_signed = number(quantizer, "signed", 1) != 0;
  const Limits range = limits(at.bits, is_signed, number(quantizer, "narrow", 0) != 0);
  const float scaled = value / at.scale + at.zero_point;
  const double clamped = std::clamp<double>(scaled, range.low, range.high);
  return (static_cast<float>(round_by(mode, clamped)) - at.zero_point) * at.scale;
}

/// QONNX's Trunc: back to integers, then fewer bits. The second version of the operator gives the output's scale and
/// clamps.
float trunc(const UniformQuantizer& quantizer, const std::string& mode, const QonnxElement& at, float value) {
  const double out_bits = number(quantizer, "out_bits", at.bits);
  const double whole = round_half_even(value / at.scale + at.zero_point);
  const auto out_scale = quantizer.numbers.find("out_scale");
  if (out_scale == quantizer.numbers.end()) {
    const double cut = round_by(mode, whole / std::exp2(at.bits - out_bits));
    return static_cast<float>(cut - at.zero_point) * at.scale;
  }
  const double shift = std::exp2(round_half_even(std::log2(out_scale->second / at.scale)));
  const Limits range = limits(out_bits, number(quantizer, "signed", 1) != 0, number(quantizer, "narrow", 0) != 0);
  const double cut = round_by(mode, std::clamp(whole / shift, range.low, range.high));
  return static_cast<float>((cut - at.zero_point / shift) * out_scale->second);
}

absl::Status quantise_qonnx(const UniformQuantizer& quantizer, const Shape& shape, std::span<float> values) {
  std::vector<std::vector<size_t>> sources;
  for (const Array* array : {&quantizer.scale, &quantizer.zero_point, &quantizer.bits}) {
    auto source = array->data.empty() ? std::vector<size_t>() : broadcast(array->shape, shape);
    if (!source.ok()) return source.status();
    sources.push_back(*std::move(source));
  }
  const auto count = static_cast<size_t>(elements(shape));
  std::vector<QonnxElement> parameters(count, {1, 0, 1});
  for (size_t e = 0; e < count; ++e) {
    parameters[e].scale = static_cast<float>(quantizer.scale.data[sources[0][e]]);
    if (!sources[1].empty()) parameters[e].zero_point = static_cast<float>(quantizer.zero_point.data[sources[1][e]]);
    if (!sources[2].empty()) parameters[e].bits = quantizer.bits.data[sources[2][e]];
  }
  const auto mode = quantizer.texts.find("rounding_mode");
  const std::string rounding = mode == quantizer.texts.end() ? "ROUND" : mode->second;
  const bool bipolar = quantizer.name == "BipolarQuant", truncates = quantizer.name == "Trunc";
  for (size_t i = 0; i < values.size(); ++i) {
    const QonnxElement& at = parameters[i % count];
    values[i] = bipolar     ? (values[i] >= 0 ? at.scale : -at.scale)
                : truncates ? trunc(quantizer, rounding, at, values[i])
                            : quant(quantizer, rounding, at, values[i]);
  }
  return absl::OkStatus();
}

absl::Status quantise_uniform(const UniformQuantizer& quantizer, const Shape& shape, std::span<float> values) {
  // Of two axes: a dense layer's kernel.
  if (is_auto_scaled_bits(quantizer) && shape.size() == 2 && elements(shape) == static_cast<int64_t>(values.size())) {
    const auto channels = static_cast<size_t>(shape[1]);
    const AutoScaled scaled = auto_scale(quantizer, values, channels);
    for (size_t i = 0; i < values.size(); ++i) values[i] = scaled.scale[i % channels] * scaled.values[i];
    return absl::OkStatus();
  }
  if (absl::Status s = check_uniform(quantizer); !s.ok()) return s;
  switch (quantizer.kind) {
    case UniformQuantizer::Kind::kFixed:
      quantise_fixed(quantizer, values);
      return absl::OkStatus();
    case UniformQuantizer::Kind::kBinary:
      quantise_binary(quantizer, values);
      return absl::OkStatus();
    case UniformQuantizer::Kind::kTernary:
      quantise_ternary(quantizer, values);
      return absl::OkStatus();
    case UniformQuantizer::Kind::kQonnx:
      return quantise_qonnx(quantizer, shape, values);
  }
  return absl::OkStatus();
}

/// HGQ2's format of one element.
struct ElementFormat {
  bool is_dead = false, is_signed = false;
  int integer = 0, fraction = 0;
  float low = 0, high = 0;
};

/// HGQ2 rounds in float32, also where the half that it adds is lost in a large value.
float round_on_grid(const std::string& mode, float value, int fraction) {
  const float scaled = std::ldexp(value, fraction);
  const float rounded = mode == "TRN"        ? std::floor(scaled)
                        : mode == "RND_CONV" ? static_cast<float>(round_half_even(scaled))
                                             : std::floor(scaled + 0.5F);
  return std::ldexp(rounded, -fraction);
}

float wrap(float value, const ElementFormat& format) {
  const double period = std::ldexp(1.0, format.integer + format.is_signed);
  const double start = format.is_signed ? -std::ldexp(1.0, format.integer) : 0;
  return static_cast<float>(value - period * std::floor((value - start) / period));
}

absl::StatusOr<std::vector<ElementFormat>> element_formats(const ElementQuantizer& quantizer, const Shape& shape) {
  auto k = broadcast(quantizer.k.shape, shape);
  auto i = broadcast(quantizer.i.shape, shape);
  auto f = broadcast(quantizer.f.shape, shape);
  for (const auto* source : {&k, &i, &f}) {
    if (!source->ok()) return source->status();
  }
  std::vector<ElementFormat> formats(static_cast<size_t>(elements(shape)));
  for (size_t e = 0; e < formats.size(); ++e) {
    ElementFormat& format = formats[e];
    format.is_signed = quantizer.k.data[(*k)[e]] != 0;
    format.integer = static_cast<int>(quantizer.i.data[(*i)[e]]);
    format.fraction = static_cast<int>(quantizer.f.data[(*f)[e]]);
    format.is_dead = format.is_signed + format.integer + format.fraction <= 0;
    const double top = std::ldexp(1.0, format.integer) - std::ldexp(1.0, -format.fraction);
    const double bottom = quantizer.overflow == "SAT_SYM" ? -top : -std::ldexp(1.0, format.integer);
    format.high = static_cast<float>(top);
    format.low = format.is_signed ? static_cast<float>(bottom) : 0.0F;
  }
  return formats;
}

absl::Status quantise_elements(const ElementQuantizer& quantizer, const Shape& shape, std::span<float> values) {
  auto formats = element_formats(quantizer, shape);
  if (!formats.ok()) return formats.status();
  const bool wraps = quantizer.overflow == "WRAP";
  for (size_t n = 0; n < values.size(); ++n) {
    const ElementFormat& format = (*formats)[n % formats->size()];
    float& v = values[n];
    if (format.is_dead) {
      v = 0;
    } else if (wraps) {
      v = round_on_grid(quantizer.rounding, v, format.fraction);
      if (!quantizer.trainable_wrap) v = wrap(v, format);
    } else {
      v = round_on_grid(quantizer.rounding, std::clamp(v, format.low, format.high), format.fraction);
    }
  }
  return absl::OkStatus();
}

}  // namespace

int64_t elements(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

std::string shape_text(const Shape& shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

absl::StatusOr<std::vector<size_t>> broadcast(const Shape& from, const Shape& to) {
  auto source = model::broadcast(from, to);
  if (!source) {
    return absl::InvalidArgumentError(
        absl::StrCat("an array of shape ", shape_text(from), " does not fit ", shape_text(to)));
  }
  return *std::move(source);
}

absl::StatusOr<Shape> broadcast_shape(const Shape& a, const Shape& b) {
  Shape wide = a.size() >= b.size() ? a : b;
  const Shape& other = a.size() >= b.size() ? b : a;
  for (size_t i = 0; i < other.size(); ++i) {
    int64_t& extent = wide[wide.size() - 1 - i];
    const int64_t second = other[other.size() - 1 - i];
    if (extent != second && extent != 1 && second != 1) {
      return absl::InvalidArgumentError(absl::StrCat("cannot combine ", shape_text(a), " and ", shape_text(b)));
    }
    extent = std::max(extent, second);
  }
  return wide;
}

absl::Status quantise(const Quantizer& quantizer, const Shape& shape, std::span<float> values) {
  if (const auto* uniform = std::get_if<UniformQuantizer>(&quantizer)) return quantise_uniform(*uniform, shape, values);
  return quantise_elements(std::get<ElementQuantizer>(quantizer), shape, values);
}

}  // namespace strobe::import::float_arithmetic
