#include "kernels/quantise/widths.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace strobe::quantise {
namespace {

/// Layers that end in a conversion to their result's type.
bool rounds_its_result(const TypedLayer& layer) {
  constexpr std::array<std::string_view, 9> kKinds = {"Dense",
                                                      "BatchNormalization",
                                                      "ApplyAlpha",
                                                      "Activation",
                                                      "ParametrizedActivation",
                                                      "HardActivation",
                                                      "PReLU",
                                                      "Softmax",
                                                      "Merge"};
  return std::find(kKinds.begin(), kKinds.end(), layer.kind) != kKinds.end() && !layer.type("trained") &&
         !layer.text("activation").starts_with("binary") && !layer.text("activation").starts_with("ternary");
}

/// The layer at `place` gets another name, and a conversion behind it its old one.
void convert_behind(TypedModel& model, size_t place, const FixedType& type) {
  TypedLayer& layer = model.layers[place];
  TypedLayer conversion;
  conversion.name = layer.name;
  conversion.kind = "Activation";
  conversion.shape = layer.shape;
  conversion.settings = {{"activation", std::string("linear")}, {"result_is_given", true}};
  conversion.types["result"] = type;
  const std::string inner = layer.name + "_unrounded";
  for (TypedLayer* reader : model.readers(layer.name))
    std::replace(reader->inputs.begin(), reader->inputs.end(), layer.name, inner);
  layer.name = inner;
  conversion.inputs = {inner};
  model.layers.insert(model.layers.begin() + static_cast<std::ptrdiff_t>(place) + 1, std::move(conversion));
}

}  // namespace

FixedType weight_type(const import::Array& values, int bits) {
  double largest = 0;
  bool is_signed = false;
  for (const double v : values.data) {
    largest = std::max(largest, std::abs(v));
    is_signed = is_signed || v < 0;
  }
  if (largest == 0) return FixedType::ufixed(1, 1, model::Rounding::kRnd, model::Overflow::kSat);
  const int integer = static_cast<int>(std::floor(std::log2(largest))) + 1 + is_signed;
  FixedType type{is_signed, bits, integer, model::Rounding::kRnd, model::Overflow::kSat};
  model::OverflowCount count;
  for (const double v : values.data) model::cast(v, type, &count);
  if (count.total() > 0) ++type.integer;  // the largest value rounds up to a power of two
  return type;
}

absl::Status check_weight_bits(int bits) {
  if (bits >= kMinWeightBits && bits <= kMaxWeightBits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("weights of ", bits, " bits; expected ", kMinWeightBits, " to ", kMaxWeightBits));
}

void set_weight_bits(TypedModel& model, int bits) {
  for (TypedLayer& layer : model.layers) {
    for (const auto& [name, weights] : layer.weights) {
      if (!weights.has_quantizer)
        layer.types[name] = weight_type(weights.values, name == "weight" ? bits : bits + kParameterExtraBits);
    }
  }
}

void set_score_type(TypedModel& model, const FixedType& type) {
  for (const std::string& output : model.outputs) {
    TypedLayer* layer = model.find(output);
    if (rounds_its_result(*layer) && model.readers(output).empty()) {
      layer->types["result"] = type;
      layer->settings["result_is_given"] = true;
    } else {
      convert_behind(model, static_cast<size_t>(layer - model.layers.data()), type);
    }
  }
}

}  // namespace strobe::quantise
