#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/quantise/onnx_network.h"

namespace strobe::quantise::onnx {
namespace {

using import::FloatLayer;
using import::FloatModel;
using import::UniformQuantizer;

constexpr size_t kMaxLayers = 20000;
constexpr int kMaxScaleExponent = 24;

absl::Status refuse(const FloatLayer& layer, const std::string& text) {
  return absl::UnimplementedError(absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): ", text));
}

absl::Status wrong(const FloatLayer& layer, const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): ", text));
}

/// A constant tensor, through its quantiser where it has one: the tensor is `alpha * value + beta`.
struct ConstantTensor {
  Numbers plain, value;
  std::optional<FixedType> type;  ///< of `value`, where a quantiser gave it
  std::optional<Numbers> alpha;   ///< scale that is left to apply
  Numbers beta;
  std::string quantizer_name;  ///< of the layer that quantised it

  /// The tensor itself.
  Numbers whole() const { return alpha ? add(multiply(value, *alpha), beta) : value; }
};

/// The exponent of a scale that is one power of two throughout.
std::optional<int> power_of_two(const Numbers& scale) {
  if (!scale.is_uniform() || !(scale.data[0] > 0)) return std::nullopt;
  int exponent = 0;
  if (std::frexp(scale.data[0], &exponent) != 0.5) return std::nullopt;
  return exponent - 1;
}

class Parser {
 public:
  Parser(const FloatModel& source, const HlsConfig& config) : source_(source) { network_.config = config; }

  absl::StatusOr<Network> run() {
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

 private:
  absl::Status read(const FloatLayer& layer) {
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

  const std::vector<int64_t>& shape_of(const FloatLayer& layer) const {
    return std::get<std::vector<int64_t>>(layer.settings.find("output_shape")->second);
  }

  Op make(const FloatLayer& layer, std::string kind) const {
    Op op{.name = layer.name, .kind = std::move(kind), .inputs = {}, .shape = shape_of(layer)};
    for (const std::string& tensor : layer.inputs)
      if (auto it = dynamic_.find(tensor); it != dynamic_.end()) op.inputs.push_back(it->second);
    return op;
  }

  Op* append(Op op) {
    network_.ops.push_back(std::move(op));
    return &network_.ops.back();
  }

  absl::Status place(const FloatLayer& layer, Op op) {
    dynamic_[layer.outputs[0]] = append(std::move(op));
    return absl::OkStatus();
  }

  absl::Status read_constant(const FloatLayer& layer) {
    const import::Array* value = layer.array("value");
    if (value == nullptr) return wrong(layer, "has no value");
    if (value->data.empty()) return wrong(layer, "is empty");
    constants_[layer.outputs[0]] = {Numbers::of(*value), Numbers::of(*value), std::nullopt, std::nullopt, {}, ""};
    return absl::OkStatus();
  }

  absl::Status read_quantizer(const FloatLayer& layer) {
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

  absl::Status binarise_constant(const FloatLayer& layer, const UniformQuantizer& quantizer,
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

  /// Notes the scale (and offset) that the integers of a quantised constant still lack; none for a scale of 1.
  static absl::Status leave_scale(const FloatLayer& layer, const UniformQuantizer& quantizer, const Numbers& zero_point,
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

  absl::Status quantise_constant_tensor(const FloatLayer& layer, const UniformQuantizer& quantizer,
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

  Op affine(const std::string& name, Op* input, std::vector<int64_t> shape, Numbers scale, Numbers bias) const {
    Op op{.name = name, .kind = "ApplyAlpha", .inputs = {input}, .shape = std::move(shape)};
    op.parameters["scale"] = {scale, scale, std::nullopt, std::nullopt};
    op.parameters["bias"] = {bias, bias, std::nullopt, std::nullopt};
    return op;
  }

  Op linear(const FloatLayer& layer, const std::string& name, Op* input, const FixedType& type) {
    network_.config.inherit(layer.name, name);
    Op op{.name = name, .kind = "Activation", .inputs = {input}, .shape = shape_of(layer)};
    op.settings["activation"] = std::string("linear");
    op.quantizer = type;
    op.result = type;
    return op;
  }

  absl::Status read_step(const FloatLayer& layer, const UniformQuantizer& quantizer) {
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

  Op* rescale(const FloatLayer& layer, Op* input, Numbers scale, Numbers bias) {
    const std::string name = layer.name + "_rescale";
    network_.config.inherit(layer.name, name);
    return append(affine(name, input, shape_of(layer), std::move(scale), std::move(bias)));
  }

  static Numbers zeros(const std::vector<int64_t>& shape) {
    return {shape, std::vector<double>(static_cast<size_t>(model::element_count(shape)), 0.0), Numbers::Kind::kInteger};
  }

  absl::Status read_rounding(const FloatLayer& layer, const UniformQuantizer& quantizer) {
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

  /// Rounds to the incoming width, divides by 2^(incoming - outgoing width), rounds again; the scale stays (version 1)
  /// or is given (version 2).
  absl::Status read_trunc(const FloatLayer& layer, const UniformQuantizer& quantizer) {
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

  absl::Status read_matmul(const FloatLayer& layer) {
    auto weights = constants_.find(layer.inputs[1]);
    auto input = dynamic_.find(layer.inputs[0]);
    if (layer.inputs.size() != 2 || weights == constants_.end() || input == dynamic_.end())
      return refuse(layer, "expected a product of a computed tensor by a constant matrix");
    ConstantTensor matrix = weights->second;
    if (matrix.value.shape.size() != 2 || input->second->shape.empty() ||
        input->second->shape.back() != matrix.value.shape[0])
      return wrong(layer, absl::StrCat("weights are ", model::to_string(matrix.value.shape), ", input is ",
                                       model::to_string(input->second->shape)));
    Op dense = make(layer, "Dense");
    dense.name = "Dense_" + layer.name;
    network_.config.inherit(layer.name, dense.name);
    std::optional<Op> rescaled = split_scale(layer, matrix);
    Op* source = input->second;
    std::vector<Op> behind = move_scales_behind(matrix, source, layer);
    dense.inputs = {source};
    dense.trained_weight = matrix.type.has_value();
    dense.parameters["weight"] = {matrix.plain, matrix.value, matrix.type, std::nullopt};
    Numbers bias = zeros({matrix.value.shape[1]});
    bias.kind = Numbers::Kind::kDouble;
    dense.parameters["bias"] = {bias, bias, std::nullopt, std::nullopt};
    Op* last = append(std::move(dense));
    if (rescaled) behind.push_back(*std::move(rescaled));
    for (Op& op : behind) {
      op.inputs = {last};
      op.shape = shape_of(layer);
      last = append(std::move(op));
    }
    dynamic_[layer.outputs[0]] = last;
    return absl::OkStatus();
  }

  /// Takes the scale off quantised weights, where it can be applied behind the product; else joins it to the weights.
  std::optional<Op> split_scale(const FloatLayer& layer, ConstantTensor& matrix) {
    if (!matrix.alpha) return std::nullopt;
    const Numbers columns = per_channel(*matrix.alpha, matrix.value.shape[1]);
    const bool no_offset = matrix.beta.all(0);
    if (static_cast<int64_t>(columns.data.size()) != matrix.value.shape[1] || !no_offset) {
      matrix = {matrix.whole(), matrix.whole(), std::nullopt, std::nullopt, {}, ""};
      return std::nullopt;
    }
    const std::string name = matrix.quantizer_name + "_rescale";
    network_.config.inherit(matrix.quantizer_name, name);
    matrix.alpha.reset();
    return affine(name, nullptr, {}, expand(columns, shape_of(layer)).value(), zeros(shape_of(layer)));
  }

  /// Scales in front of a product, the same for all elements, move behind it: W(sx) = s(Wx). hls4ml moves them too; an
  /// offset b becomes b times the column's sum.
  std::vector<Op> move_scales_behind(const ConstantTensor& matrix, Op*& source, const FloatLayer& layer) {
    std::vector<Op> moved;
    while (source->kind == "ApplyAlpha") {
      const Parameter scale = source->parameter("scale"), bias = source->parameter("bias");
      const bool quantiser_offset = source->name.ends_with("_rescale") && bias.plain.is_uniform();
      if (!scale.plain.is_uniform() || !(bias.plain.all(0) || quantiser_offset)) break;
      Numbers columns = zeros({matrix.value.shape[1]});
      columns.kind = Numbers::Kind::kDouble;
      for (size_t i = 0; i < matrix.value.data.size(); ++i)
        columns.data[i % columns.data.size()] += matrix.value.data[i] * bias.plain.data[0];
      Numbers factor{
          shape_of(layer),
          std::vector<double>(static_cast<size_t>(model::element_count(shape_of(layer))), scale.plain.data[0]),
          scale.plain.kind};
      Op op = affine(source->name, nullptr, {}, factor,
                     bias.plain.all(0) ? zeros(shape_of(layer)) : expand(columns, shape_of(layer)).value());
      op.parameters["scale"].quantizer = scale.quantizer;
      op.parameters["scale"].precision = scale.precision;
      if (scale.quantizer) op.parameters["scale"].value.data.assign(factor.data.size(), scale.value.data[0]);
      Op* before = source->inputs[0];
      const bool unused = network_.readers(source).empty() && !is_published(source);
      if (unused) {
        network_.ops.remove_if([&](const Op& other) { return &other == source; });
      } else {
        op.name = absl::StrCat(op.name, "_", layer.name);
      }
      source = before;
      moved.insert(moved.begin(), std::move(op));
    }
    return moved;
  }

  /// Whether a tensor still stands for this op: another layer of the file may read it, or an output be it.
  bool is_published(const Op* op) const {
    for (const auto& [tensor, producer] : dynamic_) {
      if (producer != op) continue;
      int uses = 0;
      for (const FloatLayer& layer : source_.layers)
        uses += static_cast<int>(std::count(layer.inputs.begin(), layer.inputs.end(), tensor));
      for (const import::FloatTensor& output : source_.outputs) uses += output.name == tensor;
      if (uses > 1) return true;
    }
    return false;
  }

  absl::Status read_arithmetic(const FloatLayer& layer) {
    if (layer.inputs.size() != 2) return refuse(layer, absl::StrCat(layer.inputs.size(), " operands; expected 2"));
    const bool first_constant = constants_.count(layer.inputs[0]) > 0,
               second_constant = constants_.count(layer.inputs[1]) > 0;
    if (first_constant && second_constant) return fold_constants(layer);
    if (!first_constant && !second_constant) return read_merge(layer);
    if (layer.kind == "Divide" && first_constant) return refuse(layer, "division of a constant by a computed tensor");
    return read_affine(layer, first_constant);
  }

  absl::Status fold_constants(const FloatLayer& layer) {
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

  absl::Status read_merge(const FloatLayer& layer) {
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

  /// Add, Sub, Mul, Div by a constant.
  absl::Status read_affine(const FloatLayer& layer, bool constant_first) {
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

  /// Holds the negatives of a type's values.
  static std::optional<FixedType> negated_type(std::optional<FixedType> type) {
    if (!type || (type->is_signed && type->overflow == model::Overflow::kSatSym)) return type;
    type->is_signed = true;
    ++type->width;
    ++type->integer;
    return type;
  }

  absl::Status read_batch_norm(const FloatLayer& layer) {
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

  absl::Status read_activation(const FloatLayer& layer) {
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

  absl::Status read_clip(const FloatLayer& layer, Op op) {
    if (layer.setting<double>("min_value") != -1.0 || layer.setting<double>("max_value") != 1.0)
      return refuse(layer, "supported limits are 0 to a number, and -1 to 1");
    op.kind = "HardActivation";
    op.settings["activation"] = std::string("hard_tanh");
    op.settings["slope"] = op.settings["shift"] = 0.5;
    return place(layer, std::move(op));
  }

  /// Reshape, Transpose, Concatenate, Maximum, Minimum, Average.
  absl::Status read_plain(const FloatLayer& layer) {
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

  const FloatModel& source_;
  Network network_;
  std::unordered_map<std::string, Op*> dynamic_;
  std::unordered_map<std::string, ConstantTensor> constants_;
};

}  // namespace

absl::StatusOr<Network> parse(const FloatModel& model, const HlsConfig& config) { return Parser(model, config).run(); }

}  // namespace strobe::quantise::onnx
