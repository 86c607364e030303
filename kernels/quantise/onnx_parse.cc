#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/onnx_parser.h"

namespace strobe::quantise::onnx {

namespace {

constexpr size_t kMaxLayers = 20000;

}  // namespace

absl::Status refuse(const FloatLayer& layer, const std::string& text) {
  return absl::UnimplementedError(absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): ", text));
}

absl::Status wrong(const FloatLayer& layer, const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): ", text));
}

std::optional<int> power_of_two(const Numbers& scale) {
  if (!scale.is_uniform() || !(scale.data[0] > 0)) return std::nullopt;
  int exponent = 0;
  if (std::frexp(scale.data[0], &exponent) != 0.5) return std::nullopt;
  return exponent - 1;
}

absl::StatusOr<Network> Parser::run() {
  if (source_.layers.size() > kMaxLayers)
    return absl::InvalidArgumentError(absl::StrCat("the model has more than ", kMaxLayers, " layers"));
  for (const FloatLayer& layer : source_.layers)
    if (absl::Status s = read(layer); !s.ok()) return s;
  for (const import::FloatTensor& output : source_.outputs) {
    auto it = dynamic_.find(output.name);
    if (it == dynamic_.end())
      return absl::InvalidArgumentError(absl::StrCat("output '", output.name, "' depends on no input"));
    network_.outputs.push_back(it->second);
  }
  return std::move(network_);
}

absl::Status Parser::read(const FloatLayer& layer) {
  const auto shape = layer.setting<std::vector<int64_t>>("output_shape");
  if (layer.outputs.size() != 1 || !shape) return wrong(layer, "has no output shape");
  if (layer.kind == "Constant") return read_constant(layer);
  for (const std::string& tensor : layer.inputs)
    if (!dynamic_.count(tensor) && !constants_.count(tensor))
      return wrong(layer, absl::StrCat("reads '", tensor, "', which nothing computes"));
  if (layer.kind == "Quantizer") return read_quantizer(layer);
  if (layer.kind == "MatMul") return read_matmul(layer);
  if (layer.kind == "Add" || layer.kind == "Subtract" || layer.kind == "Multiply" || layer.kind == "Divide")
    return read_arithmetic(layer);
  for (const std::string& tensor : layer.inputs)
    if (!dynamic_.count(tensor))
      return refuse(layer, absl::StrCat("works on the constant '", tensor,
                                        "'; supported: MatMul, Add, Sub, Mul, Div by constants"));
  if (layer.kind == "Input") return place(layer, make(layer, "Input"));
  if (layer.kind == "BatchNormalization") return read_batch_norm(layer);
  if (layer.kind == "Activation") return read_activation(layer);
  return read_plain(layer);
}

const std::vector<int64_t>& Parser::shape_of(const FloatLayer& layer) const {
  return std::get<std::vector<int64_t>>(layer.settings.find("output_shape")->second);
}

Op Parser::make(const FloatLayer& layer, std::string kind) const {
  Op op{.name = layer.name, .kind = std::move(kind), .inputs = {}, .shape = shape_of(layer)};
  for (const std::string& tensor : layer.inputs)
    if (auto it = dynamic_.find(tensor); it != dynamic_.end()) op.inputs.push_back(it->second);
  return op;
}

Op* Parser::append(Op op) {
  network_.ops.push_back(std::move(op));
  return &network_.ops.back();
}

absl::Status Parser::place(const FloatLayer& layer, Op op) {
  dynamic_[layer.outputs[0]] = append(std::move(op));
  return absl::OkStatus();
}

Op Parser::affine(const std::string& name, Op* input, std::vector<int64_t> shape, Numbers scale, Numbers bias) const {
  Op op{.name = name, .kind = "ApplyAlpha", .inputs = {input}, .shape = std::move(shape)};
  op.parameters["scale"] = {scale, scale, std::nullopt, std::nullopt};
  op.parameters["bias"] = {bias, bias, std::nullopt, std::nullopt};
  return op;
}

Numbers Parser::zeros(const std::vector<int64_t>& shape) {
  return {shape, std::vector<double>(static_cast<size_t>(model::element_count(shape)), 0.0), Numbers::Kind::kInteger};
}

absl::Status Parser::read_constant(const FloatLayer& layer) {
  const import::Array* value = layer.array("value");
  if (value == nullptr) return wrong(layer, "has no value");
  if (value->data.empty()) return wrong(layer, "is empty");
  constants_[layer.outputs[0]] = {Numbers::of(*value), Numbers::of(*value), std::nullopt, std::nullopt, {}, ""};
  return absl::OkStatus();
}

absl::Status Parser::read_arithmetic(const FloatLayer& layer) {
  if (layer.inputs.size() != 2) return refuse(layer, absl::StrCat(layer.inputs.size(), " operands; expected 2"));
  const bool first_constant = constants_.count(layer.inputs[0]) > 0,
             second_constant = constants_.count(layer.inputs[1]) > 0;
  if (first_constant && second_constant) return fold_constants(layer);
  if (!first_constant && !second_constant) return read_merge(layer);
  if (layer.kind == "Divide" && first_constant) return refuse(layer, "division of a constant by a computed tensor");
  return read_affine(layer, first_constant);
}

absl::Status Parser::fold_constants(const FloatLayer& layer) {
  const std::vector<int64_t>& shape = shape_of(layer);
  const auto a = expand(constants_[layer.inputs[0]].whole(), shape),
             b = expand(constants_[layer.inputs[1]].whole(), shape);
  if (!a || !b) return wrong(layer, "its constants do not broadcast");
  Numbers out = layer.kind == "Add"        ? add(*a, *b)
                : layer.kind == "Subtract" ? add(*a, negate(*b))
                : layer.kind == "Multiply" ? multiply(*a, *b)
                                           : multiply(*a, reciprocal(*b));
  constants_[layer.outputs[0]] = {out, out, std::nullopt, std::nullopt, {}, ""};
  return absl::OkStatus();
}

absl::Status Parser::read_merge(const FloatLayer& layer) {
  static const std::map<std::string, std::string> kOps = {
      {"Add", "add"}, {"Subtract", "subtract"}, {"Multiply", "multiply"}};
  auto it = kOps.find(layer.kind);
  if (it == kOps.end()) return refuse(layer, "division of two computed tensors");
  Op op = make(layer, "Merge");
  for (const Op* input : op.inputs)
    if (input->shape != op.shape) return refuse(layer, "its operands have different shapes");
  op.settings["op"] = it->second;
  return place(layer, std::move(op));
}

absl::Status Parser::read_affine(const FloatLayer& layer, bool constant_first) {
  const ConstantTensor& constant = constants_[layer.inputs[constant_first ? 0 : 1]];
  Op* input = dynamic_.at(layer.inputs[constant_first ? 1 : 0]);
  if (input->shape != shape_of(layer)) return refuse(layer, "the constant enlarges its operand");
  const auto plain = expand(constant.alpha ? constant.whole() : constant.plain, input->shape);
  const auto value = expand(constant.whole(), input->shape);
  if (!plain || !value) return wrong(layer, "its constant does not broadcast");
  const std::optional<FixedType> quantizer = constant.alpha ? std::nullopt : constant.type;
  const std::string name = "bn_" + layer.name;
  network_.config.inherit(layer.name, name);
  Numbers ones = zeros(input->shape);
  for (double& v : ones.data) v = 1;
  Op op = affine(name, input, input->shape, ones, zeros(input->shape));
  Parameter &scale = op.parameters["scale"], &bias = op.parameters["bias"];
  const FixedType bit = FixedType::ufixed(1, 1);
  if (layer.kind == "Add" || layer.kind == "Subtract") {
    const bool negative = layer.kind == "Subtract";
    bias = {*plain, *value, quantizer, std::nullopt};
    scale.precision = bit;
    if (negative && constant_first) {
      scale.plain = scale.value = negate(ones);
      scale.precision = FixedType::fixed(2, 2);
    } else if (negative) {
      bias = {negate(*plain), negate(*value), negated_type(quantizer), std::nullopt};
    }
  } else if (layer.kind == "Multiply") {
    scale = {*plain, *value, quantizer, std::nullopt};
    bias.precision = bit;
  } else {
    if (std::any_of(value->data.begin(), value->data.end(), [](double v) { return v == 0; }))
      return wrong(layer, "divides by zero");
    scale = {reciprocal(*value), reciprocal(*value), std::nullopt, std::nullopt};
    bias.precision = bit;
  }
  return place(layer, std::move(op));
}

std::optional<FixedType> Parser::negated_type(std::optional<FixedType> type) {
  if (!type || (type->is_signed && type->overflow == model::Overflow::kSatSym)) return type;
  type->is_signed = true;
  ++type->width;
  ++type->integer;
  return type;
}

absl::Status Parser::read_batch_norm(const FloatLayer& layer) {
  const import::Array *gamma = layer.array("gamma"), *beta = layer.array("beta"), *mean = layer.array("moving_mean"),
                      *variance = layer.array("moving_variance");
  if (gamma == nullptr || beta == nullptr || mean == nullptr || variance == nullptr)
    return wrong(layer, "lacks gamma, beta, mean or variance");
  Op op = make(layer, "BatchNormalization");
  if (layer.setting<int64_t>("axis").value_or(-1) != -1 && op.shape.size() != 1)
    return refuse(layer, "normalises channels that are not the last axis; convert the model to channels last");
  const auto epsilon = static_cast<float>(layer.setting<double>("epsilon").value_or(1e-5));
  Numbers deviation = Numbers::of(*variance);
  for (double& v : deviation.data) v = std::sqrt(static_cast<float>(v) + epsilon);
  Numbers scale = Numbers::of(*gamma);
  for (size_t c = 0; c < scale.data.size(); ++c)
    scale.data[c] = static_cast<float>(scale.data[c]) / static_cast<float>(deviation.data[c]);
  const Numbers bias = add(Numbers::of(*beta), negate(multiply(scale, Numbers::of(*mean))));
  for (const Numbers* numbers : {static_cast<const Numbers*>(&scale), &bias})
    for (double v : numbers->data)
      if (!std::isfinite(v)) return wrong(layer, "its variance and epsilon are too small: the factor is not finite");
  const auto wide_scale = expand(scale, op.shape), wide_bias = expand(bias, op.shape);
  if (!wide_scale || !wide_bias) return wrong(layer, "has another number of channels than its input");
  op.parameters["scale"] = {*wide_scale, *wide_scale, std::nullopt, std::nullopt};
  op.parameters["bias"] = {*wide_bias, *wide_bias, std::nullopt, std::nullopt};
  return place(layer, std::move(op));
}

absl::Status Parser::read_activation(const FloatLayer& layer) {
  const std::string activation = layer.setting<std::string>("activation").value_or("");
  Op op = make(layer, "Activation");
  op.settings["activation"] = activation;
  if (activation == "leaky_relu" || activation == "elu" || activation == "thresholded_relu") {
    op.kind = "ParametrizedActivation";
    op.settings["activation"] = activation == "elu"          ? "elu"
                                : activation == "leaky_relu" ? "leakyrelu"
                                                             : "thresholdedrelu";
    op.settings["parameter"] =
        layer.setting<double>(activation == "thresholded_relu" ? "threshold" : "alpha").value_or(1.0);
  } else if (activation == "prelu") {
    op.kind = "PReLU";
    const auto alpha = expand(Numbers::of(*layer.array("alpha")), op.shape);
    if (!alpha) return wrong(layer, "its slopes do not broadcast to its input");
    op.parameters["param"] = {*alpha, *alpha, std::nullopt, std::nullopt};
  } else if (activation == "softmax") {
    op.kind = "Softmax";
    op.settings["axis"] = layer.setting<int64_t>("axis").value_or(-1) + static_cast<int64_t>(op.shape.size());
  } else if (activation == "hard_sigmoid") {
    op.kind = "HardActivation";
    op.settings["slope"] = layer.setting<double>("alpha").value_or(0.2);
    op.settings["shift"] = layer.setting<double>("beta").value_or(0.5);
  } else if (activation == "clip") {
    return read_clip(layer, std::move(op));
  } else if (activation == "relu") {
    if (const auto limit = layer.setting<double>("max_value")) op.settings["max_value"] = *limit;
  } else if (activation == "selu" && (std::abs(*layer.setting<double>("alpha") - 1.67326319) > 1e-6 ||
                                      std::abs(*layer.setting<double>("gamma") - 1.05070102) > 1e-6)) {
    return refuse(layer, "alpha and gamma differ from 1.67326 and 1.0507");
  }
  return place(layer, std::move(op));
}

absl::Status Parser::read_clip(const FloatLayer& layer, Op op) {
  if (layer.setting<double>("min_value") != -1.0 || layer.setting<double>("max_value") != 1.0)
    return refuse(layer, "supported limits are 0 to a number, and -1 to 1");
  op.kind = "HardActivation";
  op.settings["activation"] = std::string("hard_tanh");
  op.settings["slope"] = op.settings["shift"] = 0.5;
  return place(layer, std::move(op));
}

absl::Status Parser::read_plain(const FloatLayer& layer) {
  static const std::map<std::string, std::string> kMerges = {
      {"Maximum", "maximum"}, {"Minimum", "minimum"}, {"Average", "average"}};
  if (auto it = kMerges.find(layer.kind); it != kMerges.end()) {
    Op op = make(layer, "Merge");
    if (op.inputs.size() != 2) return refuse(layer, absl::StrCat(op.inputs.size(), " operands; expected 2"));
    for (const Op* input : op.inputs)
      if (input->shape != op.shape) return refuse(layer, "its operands have different shapes");
    op.settings["op"] = it->second;
    return place(layer, std::move(op));
  }
  if (layer.kind == "Concatenate" && layer.inputs.size() == 1) {
    dynamic_[layer.outputs[0]] = dynamic_.at(layer.inputs[0]);
    return absl::OkStatus();
  }
  Op op = make(layer, layer.kind);
  if (layer.kind == "Transpose") {
    op.settings["permutation"] = layer.setting<std::vector<int64_t>>("permutation").value_or(std::vector<int64_t>{});
  } else if (layer.kind == "Concatenate") {
    op.settings["axis"] = layer.setting<int64_t>("axis").value_or(-1) + static_cast<int64_t>(op.shape.size());
  } else if (layer.kind != "Reshape") {
    return refuse(layer, absl::StrCat("kind '", layer.kind, "' is not supported here"));
  }
  return place(layer, std::move(op));
}

absl::StatusOr<Network> parse(const FloatModel& model, const HlsConfig& config) { return Parser(model, config).run(); }

}  // namespace strobe::quantise::onnx
