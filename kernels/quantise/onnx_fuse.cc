#include <algorithm>

#include "kernels/quantise/onnx_network.h"

namespace strobe::quantise::onnx {
namespace {

Parameter folded(Numbers numbers, std::optional<FixedType> quantizer) {
  Parameter parameter{numbers, numbers, quantizer, std::nullopt};
  if (quantizer)
    for (double& v : parameter.value.data) v = model::to_double(model::cast(v, *quantizer), *quantizer);
  return parameter;
}

/// Two factors (or offsets) may become one, unless both were trained with a quantiser and neither is neutral.
bool may_join(const Parameter& a, const Parameter& b, double neutral) {
  return !a.quantizer || !b.quantizer || a.plain.all(neutral) || b.plain.all(neutral);
}

/// Which quantiser outlives the join; hls4ml asks whether the *offsets are one* where it must mean zero, so an offset's
/// quantiser is lost in practice. Kept, for equal bits.
std::optional<FixedType> surviving(const Parameter& first, const Parameter& second) {
  if (first.plain.all(1)) return second.quantizer;
  if (second.plain.all(1)) return first.quantizer;
  return std::nullopt;
}

bool join_affine(Network& network, Op& second) {
  Op* first = second.inputs.empty() ? nullptr : second.inputs[0];
  if (!second.is_affine() || !first->is_affine() || !network.is_open(first) || !network.feeds_only(first, &second))
    return false;
  const Parameter s0 = first->parameter("scale"), b0 = first->parameter("bias");
  const Parameter s1 = second.parameter("scale"), b1 = second.parameter("bias");
  if (!may_join(s0, s1, 1) || !may_join(b0, b1, 0)) return false;
  second.parameters["scale"] = folded(multiply(s0.plain, s1.plain), surviving(s0, s1));
  second.parameters["bias"] = folded(add(multiply(s1.plain, b0.plain), b1.plain), surviving(b0, b1));
  network.remove(first);
  return true;
}

/// Into a Dense, only where not both sides were trained with a quantiser: the product would be on nobody's grid.
bool fits_dense(const Op& dense, const Op& norm) {
  const Parameter &weight = dense.parameter("weight"), &bias = dense.parameter("bias");
  const Parameter &scale = norm.parameter("scale"), &shift = norm.parameter("bias");
  const bool scale_fits = (!dense.trained_weight && !scale.quantizer) ||
                          (weight.plain.all(1) && !dense.trained_weight) || (scale.plain.all(1) && !scale.quantizer);
  const bool shift_fits = (!dense.trained_bias && !shift.quantizer) || (bias.plain.all(0) && !dense.trained_bias) ||
                          (shift.plain.all(0) && !shift.quantizer);
  return scale_fits && shift_fits;
}

bool is_binary(const Parameter& weight) { return weight.quantizer == FixedType::fixed(2, 2); }

bool fold_into_dense(Network& network, Op& norm) {
  Op* dense = norm.inputs.empty() ? nullptr : norm.inputs[0];
  if (!norm.is_affine() || dense->kind != "Dense" || !network.is_open(dense) || !network.feeds_only(dense, &norm))
    return false;
  if (is_binary(dense->parameter("weight")) || !fits_dense(*dense, norm)) return false;
  const int64_t channels = dense->shape.back();
  const Parameter &scale = norm.parameter("scale"), &shift = norm.parameter("bias");
  const Numbers factor = per_channel(scale.value, channels), offset = per_channel(shift.value, channels);
  if (static_cast<int64_t>(factor.data.size()) != channels || static_cast<int64_t>(offset.data.size()) != channels)
    return false;
  Parameter &weight = dense->parameters["weight"], &bias = dense->parameters["bias"];
  const Numbers columns = *expand(factor, weight.value.shape);
  weight = folded(multiply(columns, weight.value), scale.quantizer ? scale.quantizer : weight.quantizer);
  bias = folded(add(multiply(factor, bias.value), offset), shift.quantizer ? shift.quantizer : bias.quantizer);
  bias.plain.shape = bias.value.shape = {channels};
  network.remove(&norm);
  return true;
}

bool drop_idle_linear(Network& network, Op& op) {
  if (!op.is_linear() || !op.result || op.inputs[0]->result != op.result) return false;
  network.remove(&op);
  return true;
}

/// A quantiser behind a layer whose result type is open is that type. With strobe's own rules only activations take it
/// over: sums stay exact, and are rounded once, by the quantiser.
bool hand_over_type(Network& network, Op& op) {
  Op* parent = op.inputs.empty() ? nullptr : op.inputs[0];
  if (!op.is_linear() || !op.quantizer || !network.is_open(parent) || !network.feeds_only(parent, &op)) return false;
  const bool activation = parent->kind == "Activation" || parent->kind == "ParametrizedActivation" ||
                          parent->kind == "PReLU" || parent->kind == "Softmax";
  const bool sum = parent->kind == "Dense" || parent->is_affine();
  if (network.own_rules() ? !activation || parent->kind == "Softmax" : !activation && !sum) return false;
  parent->result = op.quantizer;
  parent->quantizer = op.quantizer;
  network.remove(&op);
  return true;
}

/// relu(x) c = relu(c x) for positive c: so the factor joins what is in front of the relu, and the quantiser behind it
/// becomes the relu's type. hls4ml does not; only with strobe's own rules.
bool scale_before_relu(Network& network, Op& scale) {
  Op* relu = scale.inputs.empty() ? nullptr : scale.inputs[0];
  if (!network.own_rules() || scale.kind != "ApplyAlpha" || relu->kind != "Activation" ||
      relu->settings.count("max_value"))
    return false;
  auto text = relu->settings.find("activation");
  if (text == relu->settings.end() || text->second != import::Setting(std::string("relu"))) return false;
  const Parameter& factor = scale.parameter("scale");
  const bool positive = std::all_of(factor.plain.data.begin(), factor.plain.data.end(), [](double v) { return v > 0; });
  if (!positive || !scale.parameter("bias").plain.all(0) || relu->quantizer || !network.feeds_only(relu, &scale))
    return false;
  Op moved = scale;
  network.remove(&scale);
  moved.inputs = relu->inputs;
  auto place = std::find_if(network.ops.begin(), network.ops.end(), [&](const Op& op) { return &op == relu; });
  relu->inputs = {&*network.ops.insert(place, std::move(moved))};
  return true;
}

template <typename Pass>
bool anywhere(Network& network, Pass pass) {
  bool changed = false;
  for (auto it = network.ops.begin(); it != network.ops.end();) {
    auto next = std::next(it);
    changed = pass(network, *it) || changed;
    it = next;
  }
  return changed;
}

}  // namespace

void fuse(Network& network) {
  while (anywhere(network, scale_before_relu) || anywhere(network, join_affine) || anywhere(network, fold_into_dense) ||
         anywhere(network, drop_idle_linear) || anywhere(network, hand_over_type)) {
  }
}

}  // namespace strobe::quantise::onnx
