#include "kernels/quantise/trained_quantizer.h"

#include "absl/strings/str_cat.h"
#include "kernels/import/auto_scale.h"

namespace strobe::quantise {

using import::Array;
using import::UniformQuantizer;
using model::FixedType;

namespace {

absl::StatusOr<TrainedWeights> auto_scaled(const UniformQuantizer& quantizer, const Array& weights) {
  if (!import::is_auto_scaled_bits(quantizer) || weights.shape.size() != 2) {
    return absl::UnimplementedError(absl::StrCat("quantiser ", quantizer.name, ": alpha '", quantizer.texts.at("alpha"),
                                                 "' is supported for the kernels of dense "
                                                 "layers with quantized_bits; expected a number here"));
  }
  const std::vector<float> values(weights.data.begin(), weights.data.end());
  const import::AutoScaled scaled = import::auto_scale(quantizer, values, static_cast<size_t>(weights.shape[1]));
  TrainedWeights result{weights, quantizer.type, {scaled.scale.begin(), scaled.scale.end()}};
  result.values.data.assign(scaled.values.begin(), scaled.values.end());
  result.type.rounding = model::Rounding::kTrn;
  result.type.overflow = model::Overflow::kWrap;
  return result;
}

}  // namespace

absl::StatusOr<TrainedWeights> apply_trained_quantizer(const UniformQuantizer& quantizer, const Array& weights) {
  if (import::has_auto_alpha(quantizer)) return auto_scaled(quantizer, weights);
  for (const char* scale : {"alpha", "H"}) {
    if (auto it = quantizer.numbers.find(scale); it != quantizer.numbers.end() && it->second != 1) {
      return absl::UnimplementedError(
          absl::StrCat("quantiser ", quantizer.name, ": ", scale, "=", it->second, " scales the weights; expected 1"));
    }
  }
  TrainedWeights result{weights, quantizer.type, {}};
  switch (quantizer.kind) {
    case UniformQuantizer::Kind::kFixed: {
      // The trained format rounds half to even and saturates; the kernel's own type then holds the values as they are.
      for (double& value : result.values.data)
        value = model::to_double(model::cast(value, quantizer.type), quantizer.type);
      result.type.rounding = model::Rounding::kTrn;
      result.type.overflow = model::Overflow::kWrap;
      return result;
    }
    case UniformQuantizer::Kind::kBinary:
      for (double& value : result.values.data) value = value >= 0 ? 1 : -1;
      result.type = FixedType::fixed(2, 2);
      return result;
    case UniformQuantizer::Kind::kTernary: {
      const auto it = quantizer.numbers.find("threshold");
      // QKeras' ternary() without a threshold has 0.33, the older TernaryDense 0.5.
      const double usual = quantizer.name.find("ternary") != std::string::npos ? 0.33 : 0.5;
      const double threshold = it != quantizer.numbers.end() ? it->second : usual;
      for (double& value : result.values.data) value = value > threshold ? 1 : value <= -threshold ? -1 : 0;
      result.type = FixedType::fixed(2, 2);
      return result;
    }
    case UniformQuantizer::Kind::kQonnx:
      break;
  }
  return absl::UnimplementedError(absl::StrCat("quantiser ", quantizer.name, " is not supported on weights here"));
}

}  // namespace strobe::quantise
