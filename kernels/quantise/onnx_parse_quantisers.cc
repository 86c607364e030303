#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/onnx_parser.h"

namespace strobe::quantise::onnx {

namespace {

constexpr int kMaxScaleExponent = 24;

}  // namespace

absl::Status Parser::read_quantizer(const FloatLayer& layer) {
  auto it = layer.quantizers.find("output");
  const auto* quantizer = it == layer.quantizers.end() ? nullptr : std::get_if<UniformQuantizer>(&it->second);
  if (quantizer == nullptr || quantizer->kind != UniformQuantizer::Kind::kQonnx)
    return wrong(layer, "has no QONNX quantiser");
  for (double scale : quantizer->scale.data)
    if (!(std::abs(std::log2(scale)) <= kMaxScaleExponent))
      return refuse(layer, absl::StrCat("its scale ", scale, " is not within 2^-", kMaxScaleExponent, " and 2^",
                                        kMaxScaleExponent));
  const bool one_bit =
      quantizer->name == "Quant" &&
      std::all_of(quantizer->bits.data.begin(), quantizer->bits.data.end(), [](double b) { return b == 1; }) &&
      quantizer->numbers.at("signed") != 0 && Numbers::of(quantizer->zero_point).all(0);
  const bool bipolar = quantizer->name == "BipolarQuant" || one_bit;
  if (auto constant = constants_.find(layer.inputs[0]); constant != constants_.end()) {
    return bipolar ? binarise_constant(layer, *quantizer, constant->second)
                   : quantise_constant_tensor(layer, *quantizer, constant->second);
  }
  if (bipolar) return read_step(layer, *quantizer);
  if (quantizer->name == "Trunc") return read_trunc(layer, *quantizer);
  return read_rounding(layer, *quantizer);
}

absl::Status Parser::binarise_constant(const FloatLayer& layer, const UniformQuantizer& quantizer,
                                       const ConstantTensor& input) {
  ConstantTensor out = input;
  out.plain = input.whole();
  out.value = out.plain;
  for (double& v : out.value.data) v = v >= 0 ? 1 : -1;
  out.type = FixedType::fixed(2, 2);
  out.alpha.reset();
  if (absl::Status s = leave_scale(layer, quantizer, Numbers::of(0, Numbers::Kind::kFloat), out); !s.ok()) return s;
  constants_[layer.outputs[0]] = std::move(out);
  return absl::OkStatus();
}

absl::Status Parser::leave_scale(const FloatLayer& layer, const UniformQuantizer& quantizer, const Numbers& zero_point,
                                 ConstantTensor& out) {
  const auto scale = expand(Numbers::of(quantizer.scale), out.value.shape);
  const auto zero = expand(zero_point, out.value.shape);
  if (!scale || !zero) return wrong(layer, "its scale or zero point does not broadcast to the constant");
  out.quantizer_name = layer.name;
  if (scale->all(1) && zero->all(0)) return absl::OkStatus();
  out.alpha = scale;
  out.beta = negate(multiply(*zero, *scale));
  return absl::OkStatus();
}

absl::Status Parser::quantise_constant_tensor(const FloatLayer& layer, const UniformQuantizer& quantizer,
                                              const ConstantTensor& input) {
  if (quantizer.name == "Trunc") return refuse(layer, "Trunc on a constant");
  for (double bits : quantizer.bits.data)
    if (bits != quantizer.bits.data[0]) return refuse(layer, "a width per channel on a constant");
  ConstantTensor out;
  out.plain = input.whole();
  const auto scale = expand(Numbers::of(quantizer.scale), out.plain.shape);
  const auto zero = expand(Numbers::of(quantizer.zero_point), out.plain.shape);
  if (!scale || !zero) return wrong(layer, "its scale or zero point does not broadcast to the constant");
  Numbers scaled = out.plain;  // numpy: x / scale + zero_point in float
  for (size_t i = 0; i < scaled.data.size(); ++i)
    scaled.data[i] = static_cast<float>(static_cast<float>(scaled.data[i] / scale->data[i]) + zero->data[i]);
  out.value = quantise_constant(quantizer, scaled);
  const bool is_signed = quantizer.numbers.at("signed") != 0, narrow = quantizer.numbers.at("narrow") != 0;
  const int width = static_cast<int>(std::ceil(quantizer.bits.data[0]));
  const std::optional<int> exponent = zero->all(0) ? power_of_two(*scale) : std::nullopt;
  FixedType type{is_signed, width, width + exponent.value_or(0), model::Rounding::kRndConv,
                 narrow && is_signed ? model::Overflow::kSatSym : model::Overflow::kSat};
  if (quantizer.texts.at("rounding_mode") == "FLOOR") type.rounding = model::Rounding::kTrn;
  out.type = type;
  if (exponent) {
    for (double& v : out.value.data) v *= scale->data[0];
    out.quantizer_name = layer.name;
  } else if (absl::Status s = leave_scale(layer, quantizer, *zero, out); !s.ok()) {
    return s;
  }
  constants_[layer.outputs[0]] = std::move(out);
  return absl::OkStatus();
}

Op Parser::linear(const FloatLayer& layer, const std::string& name, Op* input, const FixedType& type) {
  network_.config.inherit(layer.name, name);
  Op op{.name = name, .kind = "Activation", .inputs = {input}, .shape = shape_of(layer)};
  op.settings["activation"] = std::string("linear");
  op.quantizer = type;
  op.result = type;
  return op;
}

absl::Status Parser::read_step(const FloatLayer& layer, const UniformQuantizer& quantizer) {
  network_.config.inherit(layer.name, layer.name + "_act");
  Op step = make(layer, "Activation");
  step.name = layer.name + "_act";
  step.settings["activation"] = std::string("binary_tanh");
  step.result = FixedType::fixed(2, 2);
  Op* last = append(std::move(step));
  const Numbers scale = Numbers::of(quantizer.scale);
  if (!scale.all(1)) {
    const auto wide = expand(scale, shape_of(layer));
    if (!wide) return wrong(layer, "its scale does not broadcast to its input");
    last = rescale(layer, last, *wide, zeros(shape_of(layer)));
  }
  dynamic_[layer.outputs[0]] = last;
  return absl::OkStatus();
}

Op* Parser::rescale(const FloatLayer& layer, Op* input, Numbers scale, Numbers bias) {
  const std::string name = layer.name + "_rescale";
  network_.config.inherit(layer.name, name);
  return append(affine(name, input, shape_of(layer), std::move(scale), std::move(bias)));
}

absl::Status Parser::read_rounding(const FloatLayer& layer, const UniformQuantizer& quantizer) {
  const std::vector<int64_t>& shape = shape_of(layer);
  const auto scale = expand(Numbers::of(quantizer.scale), shape);
  const auto zero = expand(Numbers::of(quantizer.zero_point), shape);
  if (!scale || !zero) return wrong(layer, "its scale or zero point does not broadcast to its input");
  Op* input = dynamic_.at(layer.inputs[0]);
  const std::optional<int> exponent = zero->all(0) ? power_of_two(*scale) : std::nullopt;
  absl::StatusOr<FixedType> type = fixed_type_of(quantizer, exponent.value_or(0), layer.name);
  if (!type.ok()) return type.status();
  if (exponent) {
    dynamic_[layer.outputs[0]] = append(linear(layer, layer.name + "_act", input, *type));
    return absl::OkStatus();
  }
  network_.config.inherit(layer.name, layer.name + "_scale");
  Op* scaled = append(affine(layer.name + "_scale", input, shape, reciprocal(*scale), *zero));
  Op* rounded = append(linear(layer, layer.name + "_act", scaled, *type));
  dynamic_[layer.outputs[0]] = rescale(layer, rounded, *scale, negate(multiply(*zero, *scale)));
  return absl::OkStatus();
}

absl::Status Parser::read_trunc(const FloatLayer& layer, const UniformQuantizer& quantizer) {
  const Numbers scale = Numbers::of(quantizer.scale);
  const std::optional<int> exponent = power_of_two(scale);
  const double out_bits = quantizer.numbers.at("out_bits");
  const int in_bits = static_cast<int>(std::ceil(quantizer.bits.data[0]));
  if (!exponent || !Numbers::of(quantizer.zero_point).all(0) || quantizer.numbers.count("out_scale"))
    return refuse(layer, "Trunc is supported with one power of two as scale, zero point 0 and no output scale");
  if (!(out_bits >= 1 && out_bits <= in_bits))
    return wrong(layer, absl::StrCat("cannot cut ", in_bits, " bits to ", out_bits));
  const int shift = in_bits - static_cast<int>(out_bits);
  UniformQuantizer inner = quantizer;
  inner.texts["rounding_mode"] = "ROUND";
  absl::StatusOr<FixedType> first = fixed_type_of(inner, *exponent, layer.name);
  if (!first.ok()) return first.status();
  absl::StatusOr<FixedType> second = fixed_type_of(quantizer, *exponent, layer.name);
  if (!second.ok()) return second.status();
  *second = FixedType{second->is_signed, in_bits - shift + 1, in_bits - shift + 1 + *exponent, second->rounding,
                      model::Overflow::kSat};
  Op* rounded = append(linear(layer, layer.name + "_in", dynamic_.at(layer.inputs[0]), *first));
  Numbers factor = zeros(shape_of(layer));
  factor.kind = Numbers::Kind::kFloat;
  for (double& v : factor.data) v = std::ldexp(1.0, -shift);
  network_.config.inherit(layer.name, layer.name + "_shift");
  Op* shifted = append(affine(layer.name + "_shift", rounded, shape_of(layer), factor, zeros(shape_of(layer))));
  dynamic_[layer.outputs[0]] = append(linear(layer, layer.name + "_act", shifted, *second));
  return absl::OkStatus();
}

}  // namespace strobe::quantise::onnx
