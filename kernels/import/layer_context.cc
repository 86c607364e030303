#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/import/keras_layers.h"
#include "kernels/import/qkeras_quantizer.h"

namespace strobe::import {
namespace {

using Shape = std::vector<int64_t>;

constexpr int64_t kMaxUnits = int64_t{1} << 24;

/// Functions that an Activation layer may name, as strobe names them.
const std::set<std::string>& activations() {
  static const std::set<std::string> kNames = {"linear",    "relu",     "relu6",        "leaky_relu",  "elu",
                                               "selu",      "sigmoid",  "hard_sigmoid", "tanh",        "hard_tanh",
                                               "softplus",  "softsign", "silu",         "gelu",        "exponential",
                                               "hard_silu", "softmax",  "binary_tanh",  "ternary_tanh"};
  return kNames;
}

}  // namespace

absl::Status LayerContext::invalid(const std::string& what) const {
  return absl::InvalidArgumentError(absl::StrCat("layer '", source.name, "' (", source.class_name, "): ", what));
}

absl::Status LayerContext::unsupported(const std::string& what) const {
  return absl::UnimplementedError(
      absl::StrCat("layer '", source.name, "' (", source.class_name, "): not supported: ", what));
}

absl::Status LayerContext::load(const std::vector<WeightSpec>& specs) {
  auto loaded = weights.load(source, specs);
  if (!loaded.ok()) return loaded.status();
  for (auto& [name, array] : *loaded) layer.arrays[name] = std::move(array);
  return absl::OkStatus();
}

absl::StatusOr<EinsumPlan> dense_plan(const LayerContext& at) {
  const std::optional<int64_t> units = as_integer(at.config("units"));
  if (!units || *units < 1 || *units > kMaxUnits) return at.invalid("expected 'units' of 1 to 2^24");
  if (at.inputs[0].empty()) return at.invalid("its input is a scalar");
  EinsumPlan shape;
  shape.kernel = {at.inputs[0].back(), *units};
  if (as_bool(at.config("use_bias")).value_or(true)) shape.bias = {*units};
  shape.output = at.inputs[0];
  shape.output.back() = *units;
  return shape;
}

absl::StatusOr<EinsumPlan> equation_plan(const LayerContext& at) {
  const std::optional<std::string> equation = as_text(at.config("equation"));
  const Json& declared = at.config("output_shape");
  Shape output;
  const Json extents = declared.is_array() ? declared : Json::array({declared});
  for (const Json& extent : extents) output.push_back(as_integer(extent).value_or(-1));
  if (!equation || at.inputs[0].empty()) return at.invalid("expected an 'equation' and an input that is no scalar");
  absl::StatusOr<EinsumPlan> plan =
      plan_einsum(*equation, as_text(at.config("bias_axes")).value_or(""), at.inputs[0], output);
  if (plan.ok()) return plan;
  return absl::Status(plan.status().code(), absl::StrCat("layer '", at.source.name, "' (", at.source.class_name,
                                                         "): ", plan.status().message()));
}

void finish_einsum(LayerContext& at, const EinsumPlan& plan) {
  if (plan.last_axis) return;
  flatten_einsum(plan, at.inputs[0], &at.layer);
  const auto reshape_layer = [&](const std::string& suffix, std::string input, std::string output,
                                 const Shape& target) {
    FloatLayer layer;
    layer.name = at.source.name + suffix;
    layer.kind = "Reshape";
    layer.class_name = at.source.class_name;
    layer.inputs = {std::move(input)};
    layer.outputs = {std::move(output)};
    layer.settings["target_shape"] = target;
    return layer;
  };
  // The model's tensor stays the layer's; the two flat ones in between take names of their own.
  const std::string flat_input = at.source.name + "_flat_input", flat_output = at.source.name + "_flat";
  at.before.push_back(reshape_layer("_flat_input", at.layer.inputs[0], flat_input, {plan.flat_inputs}));
  at.after.push_back(reshape_layer("_reshape", flat_output, at.layer.outputs[0], plan.output));
  at.layer.inputs = {flat_input};
  at.layer.outputs = {flat_output};
}

absl::StatusOr<int64_t> normalised_extent(LayerContext& at) {
  const Shape& shape = at.inputs[0];
  const int64_t rank = static_cast<int64_t>(shape.size());
  // Keras 2 may write the axis as a list of one.
  const std::optional<Shape> axes = as_integers(at.config("axis"));
  const int64_t given = axes && axes->size() == 1 ? axes->front() : -1;
  const int64_t axis = given < 0 ? given + rank : given - 1;
  if ((axes && axes->size() > 1) || axis < 0 || axis >= rank)
    return at.invalid("normalises along none of its input's axes");
  at.layer.settings["axis"] = axis - rank;
  return shape[static_cast<size_t>(axis)];
}

absl::Status set_activation(LayerContext& at, const Json& entry, const std::string& quantizer) {
  std::string name = "linear";
  if (is_qkeras_quantizer(entry)) {
    absl::StatusOr<std::optional<UniformQuantizer>> parsed = parse_qkeras_quantizer(entry);
    if (!parsed.ok()) {
      return absl::Status(parsed.status().code(), absl::StrCat("layer '", at.source.name, "' (", at.source.class_name,
                                                               "): ", parsed.status().message()));
    }
    name = quantizer_activation(**parsed);
    if (const auto slope = (*parsed)->numbers.find("negative_slope");
        name == "leaky_relu" && slope != (*parsed)->numbers.end()) {
      at.layer.settings["alpha"] = slope->second;
    }
    if (name == "hard_sigmoid" || name == "hard_tanh") {
      at.layer.settings["slope"] = 0.5;
      at.layer.settings["shift"] = 0.5;
    }
    at.layer.quantizers[quantizer] = **std::move(parsed);
  } else if (!entry.is_null()) {
    const std::optional<std::string> text =
        entry.is_object() ? as_text(member(entry, entry.contains("class_name") ? "class_name" : "name"))
                          : as_text(entry);
    if (!text) return at.invalid("its activation is neither a name nor a configuration");
    name = to_snake_case(*text);
    if (name == "swish") name = "silu";
    if (name == "leaky_re_lu") name = "leaky_relu";
    if (name == "re_lu") name = "relu";
    if (!activations().contains(name)) {
      return at.unsupported(
          absl::StrCat("activation '", *text, "'; supported are ", absl::StrJoin(activations(), ", ")));
    }
    if (name == "relu6") {
      name = "relu";
      at.layer.settings["max_value"] = 6.0;
    }
    if (name == "leaky_relu") at.layer.settings["alpha"] = at.keras3 ? 0.2 : 0.3;
    if (name == "elu") at.layer.settings["alpha"] = 1.0;
    if (name == "softmax") at.layer.settings["axis"] = int64_t{-1};
    if (name == "hard_sigmoid") {
      at.layer.settings["slope"] = at.keras3 ? 1.0 / 6 : 0.2;
      at.layer.settings["shift"] = 0.5;
    }
  }
  at.layer.settings["activation"] = name;
  return absl::OkStatus();
}

absl::Status convert_merge(LayerContext& at, const std::string& kind) {
  at.layer.kind = kind;
  if (at.inputs.size() < 2) return at.unsupported("one tensor and a constant; merges join two or more tensors");
  if (kind == "Subtract" && at.inputs.size() != 2)
    return at.invalid(absl::StrCat("expected 2 inputs, found ", at.inputs.size()));
  Shape merged = at.inputs[0];
  for (const Shape& other : at.inputs) {
    bool fits = other.size() == merged.size();
    for (size_t i = 0; fits && i < other.size(); ++i) {
      fits = other[i] == merged[i] || other[i] == 1 || merged[i] == 1;
      merged[i] = std::max(merged[i], other[i]);
    }
    if (!fits) return at.invalid(absl::StrCat("cannot combine ", shape_text(at.inputs[0]), " and ", shape_text(other)));
  }
  at.output = std::move(merged);
  return absl::OkStatus();
}

}  // namespace strobe::import
