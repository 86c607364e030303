#include "kernels/import/keras_layers.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/import/qkeras_quantizer.h"

namespace strobe::import {
namespace {

using Shape = std::vector<int64_t>;
using Handler = absl::Status (*)(LayerContext&);

int64_t elements(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

/// Copies a number of the configuration to a setting where it is there and not null.
void copy_number(LayerContext& at, const char* key, const char* setting) {
  if (const std::optional<double> number = as_number(at.config(key))) at.layer.settings[setting] = *number;
}

/// A QKeras quantiser of the configuration, kept under `name`.
absl::Status copy_quantizer(LayerContext& at, const char* key, const std::string& name) {
  absl::StatusOr<std::optional<UniformQuantizer>> quantizer = parse_qkeras_quantizer(at.config(key));
  if (!quantizer.ok()) {
    return absl::Status(quantizer.status().code(), absl::StrCat("layer '", at.source.name, "' (", at.source.class_name,
                                                                "), ", key, ": ", quantizer.status().message()));
  }
  if (quantizer->has_value()) at.layer.quantizers[name] = **std::move(quantizer);
  return absl::OkStatus();
}

absl::Status input(LayerContext& at) {
  at.layer.kind = "Input";
  at.output = at.source.input_shape;
  at.layer.settings["shape"] = at.output;
  return absl::OkStatus();
}

absl::Status finish_dense(LayerContext& at, const absl::StatusOr<EinsumPlan>& shape, bool with_quantizers) {
  if (!shape.ok()) return shape.status();
  at.layer.kind = "Dense";
  at.output = shape->output;
  if (absl::Status s = set_activation(at, at.config("activation"), "activation"); !s.ok()) return s;
  if (with_quantizers) {
    if (absl::Status s = copy_quantizer(at, "kernel_quantizer", "kernel"); !s.ok()) return s;
    if (absl::Status s = copy_quantizer(at, "bias_quantizer", "bias"); !s.ok()) return s;
  }
  std::vector<WeightSpec> specs = {{"kernel", shape->kernel}};
  if (!shape->bias.empty()) specs.push_back({"bias", shape->bias});
  if (absl::Status s = at.load(specs); !s.ok()) return s;
  finish_einsum(at, *shape);
  return absl::OkStatus();
}

absl::Status dense(LayerContext& at) { return finish_dense(at, dense_plan(at), false); }
absl::Status q_dense(LayerContext& at) { return finish_dense(at, dense_plan(at), true); }
absl::Status einsum_dense(LayerContext& at) { return finish_dense(at, equation_plan(at), false); }

/// The dense layers of BinaryNet's Keras examples, which hls4ml reads too.
absl::Status one_or_two_bit_dense(LayerContext& at) {
  UniformQuantizer quantizer;
  quantizer.name = at.source.class_name;
  quantizer.type = model::FixedType::fixed(2, 2);
  quantizer.kind = UniformQuantizer::Kind::kBinary;
  if (at.source.class_name == "TernaryDense") {
    quantizer.kind = UniformQuantizer::Kind::kTernary;
    quantizer.numbers["threshold"] = 0.5;
  }
  if (const std::optional<double> scale = as_number(at.config("H"))) quantizer.numbers["H"] = *scale;
  at.layer.quantizers["kernel"] = std::move(quantizer);
  return finish_dense(at, dense_plan(at), false);
}

absl::Status q_dense_batchnorm(LayerContext& at) {
  absl::StatusOr<EinsumPlan> shape = dense_plan(at);
  if (!shape.ok()) return shape.status();
  at.layer.kind = "Dense";
  at.output = shape->output;
  if (absl::Status s = set_activation(at, at.config("activation"), "activation"); !s.ok()) return s;
  if (absl::Status s = copy_quantizer(at, "kernel_quantizer", "kernel"); !s.ok()) return s;
  if (absl::Status s = copy_quantizer(at, "bias_quantizer", "bias"); !s.ok()) return s;
  at.layer.settings["epsilon"] = as_number(at.config("epsilon")).value_or(1e-3);
  if (const auto mode = as_text(at.config("folding_mode"))) at.layer.settings["folding_mode"] = *mode;
  const Shape channels = {shape->output.back()};
  std::vector<WeightSpec> specs = {{"kernel", shape->kernel}};
  if (!shape->bias.empty()) specs.push_back({"bias", shape->bias});
  if (as_bool(at.config("scale")).value_or(true)) specs.push_back({"gamma", channels});
  if (as_bool(at.config("center")).value_or(true)) specs.push_back({"beta", channels});
  // A training step counter stands between the trainable weights and the moving averages.
  if (at.weights.is_numbered()) specs.push_back({"iteration", {}});
  specs.push_back({"moving_mean", channels});
  specs.push_back({"moving_variance", channels});
  if (absl::Status s = at.load(specs); !s.ok()) return s;
  at.layer.arrays.erase("iteration");
  return absl::OkStatus();
}

absl::Status batch_normalization(LayerContext& at) {
  absl::StatusOr<int64_t> extent = normalised_extent(at);
  if (!extent.ok()) return extent.status();
  at.layer.kind = "BatchNormalization";
  at.output = at.inputs[0];
  at.layer.settings["epsilon"] = as_number(at.config("epsilon")).value_or(1e-3);
  const std::pair<const char*, const char*> kQuantizers[] = {{"gamma_quantizer", "gamma"},
                                                             {"beta_quantizer", "beta"},
                                                             {"mean_quantizer", "moving_mean"},
                                                             {"variance_quantizer", "moving_variance"},
                                                             {"inverse_quantizer", "inverse"}};
  for (const auto& [key, name] : kQuantizers) {
    if (absl::Status s = copy_quantizer(at, key, name); !s.ok()) return s;
  }
  std::vector<WeightSpec> specs;
  if (as_bool(at.config("scale")).value_or(true)) specs.push_back({"gamma", {*extent}});
  if (as_bool(at.config("center")).value_or(true)) specs.push_back({"beta", {*extent}});
  specs.push_back({"moving_mean", {*extent}});
  specs.push_back({"moving_variance", {*extent}});
  return at.load(specs);
}

/// Starts a layer that applies a function to each element.
void start_activation(LayerContext& at, const std::string& function) {
  at.layer.kind = "Activation";
  at.layer.settings["activation"] = function;
  at.output = at.inputs[0];
}

absl::Status activation(LayerContext& at) {
  start_activation(at, "linear");
  return set_activation(at, at.config("activation"), "output");
}

absl::Status relu(LayerContext& at) {
  const double slope = as_number(at.config("negative_slope")).value_or(0);
  start_activation(at, slope != 0 ? "leaky_relu" : "relu");
  if (slope != 0) at.layer.settings["alpha"] = slope;
  copy_number(at, "max_value", "max_value");
  if (as_number(at.config("threshold")).value_or(0) != 0) copy_number(at, "threshold", "threshold");
  return absl::OkStatus();
}

absl::Status leaky_relu(LayerContext& at) {
  start_activation(at, "leaky_relu");
  at.layer.settings["alpha"] =
      as_number(at.config("negative_slope")).value_or(as_number(at.config("alpha")).value_or(0.3));
  return absl::OkStatus();
}

absl::Status elu(LayerContext& at) {
  start_activation(at, "elu");
  at.layer.settings["alpha"] = as_number(at.config("alpha")).value_or(1.0);
  return absl::OkStatus();
}

absl::Status thresholded_relu(LayerContext& at) {
  start_activation(at, "thresholded_relu");
  at.layer.settings["threshold"] = as_number(at.config("theta")).value_or(1.0);
  return absl::OkStatus();
}

absl::Status prelu(LayerContext& at) {
  start_activation(at, "prelu");
  Shape shape = at.inputs[0];
  if (const Json& shared = at.config("shared_axes"); !shared.is_null()) {
    const std::optional<Shape> axes = as_integers(shared);
    for (const int64_t axis : axes.value_or(Shape{0})) {
      if (axis < 1 || axis > static_cast<int64_t>(shape.size()))
        return at.invalid("'shared_axes' names no axis of its input");
      shape[static_cast<size_t>(axis - 1)] = 1;
    }
  }
  return at.load({{"alpha", shape}});
}

absl::Status softmax(LayerContext& at) {
  start_activation(at, "softmax");
  const std::optional<Shape> axes = as_integers(at.config("axis"));
  if (axes && axes->size() > 1) return at.unsupported("a softmax over several axes");
  at.layer.settings["axis"] = axes && !axes->empty() ? axes->front() : int64_t{-1};
  return absl::OkStatus();
}

absl::Status dropout(LayerContext& at) {
  at.layer.kind = "Dropout";
  at.output = at.inputs[0];
  return absl::OkStatus();
}

absl::Status flatten(LayerContext& at) {
  at.layer.kind = "Flatten";
  at.output = {elements(at.inputs[0])};
  return absl::OkStatus();
}

absl::Status reshape(LayerContext& at) {
  at.layer.kind = "Reshape";
  std::optional<Shape> target = as_integers(at.config("target_shape"));
  if (!target || !at.config("target_shape").is_array()) return at.invalid("has no 'target_shape'");
  const int64_t count = elements(at.inputs[0]);
  int64_t known = 1, open = 0;
  for (const int64_t extent : *target) {
    if (extent < -1 || extent == 0 || extent > count)
      return at.invalid(absl::StrCat("cannot make ", shape_text(*target), " of ", shape_text(at.inputs[0])));
    open += extent == -1 ? 1 : 0;
    known = std::min(known * std::max<int64_t>(extent, 1), count + 1);
  }
  if (open > 1 || count % known != 0 || (open == 0 && known != count)) {
    return at.invalid(absl::StrCat("cannot make ", shape_text(*target), " of ", shape_text(at.inputs[0])));
  }
  for (int64_t& extent : *target) extent = extent == -1 ? count / known : extent;
  at.layer.settings["target_shape"] = *target;
  at.output = *target;
  return absl::OkStatus();
}

/// Keras' Permute counts axes from 1, its Transpose operation counts the batch axis as 0: the same numbers.
absl::Status set_permutation(LayerContext& at, Shape dims) {
  at.layer.kind = "Transpose";
  Shape sorted = dims;
  std::sort(sorted.begin(), sorted.end());
  bool valid = sorted.size() == at.inputs[0].size();
  for (size_t i = 0; valid && i < sorted.size(); ++i) valid = sorted[i] == static_cast<int64_t>(i + 1);
  if (!valid)
    return at.invalid(
        absl::StrCat("permutation ", shape_text(dims), " does not fit its input ", shape_text(at.inputs[0])));
  for (int64_t& dim : dims) {
    at.output.push_back(at.inputs[0][static_cast<size_t>(dim - 1)]);
    --dim;
  }
  at.layer.settings["permutation"] = dims;
  return absl::OkStatus();
}

absl::Status permute(LayerContext& at) { return set_permutation(at, as_integers(at.config("dims")).value_or(Shape{})); }

absl::Status transpose(LayerContext& at) {
  Shape axes = as_integers(at.config("axes")).value_or(Shape{});
  if (axes.empty() || axes[0] != 0) return at.unsupported("a transposition that moves the batch axis");
  axes.erase(axes.begin());
  return set_permutation(at, std::move(axes));
}

absl::Status concatenate(LayerContext& at) {
  at.layer.kind = "Concatenate";
  const int64_t rank = static_cast<int64_t>(at.inputs[0].size());
  const int64_t given = as_integer(at.config("axis")).value_or(-1);
  const int64_t axis = given < 0 ? given + rank : given - 1;
  if (axis < 0 || axis >= rank)
    return at.invalid(absl::StrCat("axis ", given, " is none of its inputs' ", rank + 1, " axes"));
  at.output = at.inputs[0];
  for (size_t i = 1; i < at.inputs.size(); ++i) {
    Shape expected = at.inputs[0];
    if (at.inputs[i].size() == expected.size())
      expected[static_cast<size_t>(axis)] = at.inputs[i][static_cast<size_t>(axis)];
    if (at.inputs[i] != expected) {
      return at.invalid(absl::StrCat("cannot join ", shape_text(at.inputs[0]), " and ", shape_text(at.inputs[i])));
    }
    at.output[static_cast<size_t>(axis)] += at.inputs[i][static_cast<size_t>(axis)];
  }
  at.layer.settings["axis"] = axis + 1;
  return absl::OkStatus();
}

absl::Status merge(LayerContext& at) { return convert_merge(at, at.source.class_name); }

const std::map<std::string, Handler>& handlers() {
  static const std::map<std::string, Handler> kHandlers = {
      {"InputLayer", input},
      {"Dense", dense},
      {"QDense", q_dense},
      {"EinsumDense", einsum_dense},
      {"BinaryDense", one_or_two_bit_dense},
      {"TernaryDense", one_or_two_bit_dense},
      {"QDenseBatchnorm", q_dense_batchnorm},
      {"BatchNormalization", batch_normalization},
      {"QBatchNormalization", batch_normalization},
      {"Activation", activation},
      {"QActivation", activation},
      {"ReLU", relu},
      {"LeakyReLU", leaky_relu},
      {"PReLU", prelu},
      {"ELU", elu},
      {"ThresholdedReLU", thresholded_relu},
      {"Softmax", softmax},
      {"Dropout", dropout},
      {"GaussianDropout", dropout},
      {"GaussianNoise", dropout},
      {"ActivityRegularization", dropout},
      {"Flatten", flatten},
      {"Reshape", reshape},
      {"Permute", permute},
      {"Transpose", transpose},
      {"Concatenate", concatenate},
      {"Add", merge},
      {"Subtract", merge},
      {"Multiply", merge},
      {"Maximum", merge},
      {"Minimum", merge},
      {"Average", merge},
  };
  return kHandlers;
}

}  // namespace

absl::Status convert_keras_layer(LayerContext& at) {
  const bool is_input = at.source.class_name == "InputLayer";
  if (!is_input && at.inputs.empty()) return at.invalid("has no input");
  if (at.source.is_hgq) {
    bool found = false;
    absl::Status status = convert_hgq_layer(at, &found);
    if (found || !status.ok()) return status;
  }
  const auto handler = handlers().find(at.source.class_name);
  if (handler == handlers().end() || at.source.is_hgq) {
    std::vector<std::string> names;
    for (const auto& [name, unused] : handlers()) names.push_back(name);
    return absl::UnimplementedError(absl::StrCat("layer '", at.source.name, "' is a ", at.source.class_name,
                                                 at.source.is_hgq ? " of HGQ2" : "",
                                                 ", which is not supported; supported are ", absl::StrJoin(names, ", "),
                                                 "; of HGQ2 ", absl::StrJoin(hgq_layer_names(), ", ")));
  }
  static const std::set<std::string> kJoining = {"Concatenate", "Add",     "Subtract", "Multiply",
                                                 "Maximum",     "Minimum", "Average"};
  if (!is_input && at.inputs.size() != 1 && !kJoining.contains(at.source.class_name)) {
    return at.invalid(absl::StrCat("expected 1 input, found ", at.inputs.size()));
  }
  return handler->second(at);
}

}  // namespace strobe::import
