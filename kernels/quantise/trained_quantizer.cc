#include "kernels/quantise/trained_quantizer.h"

#include "absl/strings/str_cat.h"

namespace strobe::quantise {

using import::Array;
using import::UniformQuantizer;
using model::FixedType;

absl::StatusOr<TrainedWeights> apply_trained_quantizer(const UniformQuantizer& quantizer, const Array& weights) {
  if (auto it = quantizer.texts.find("alpha"); it != quantizer.texts.end() && it->second.starts_with("auto")) {
    return absl::UnimplementedError(absl::StrCat("quantiser ", quantizer.name, ": alpha '", it->second,
                                                 "' depends on the weights; expected a number"));
  }
  for (const char* scale : {"alpha", "H"}) {
    if (auto it = quantizer.numbers.find(scale); it != quantizer.numbers.end() && it->second != 1) {
      return absl::UnimplementedError(
          absl::StrCat("quantiser ", quantizer.name, ": ", scale, "=", it->second, " scales the weights; expected 1"));
    }
  }
  TrainedWeights result{weights, quantizer.type};
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
