#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/onnx_parser.h"

namespace strobe::quantise::onnx {

absl::Status Parser::read_matmul(const FloatLayer& layer) {
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

std::optional<Op> Parser::split_scale(const FloatLayer& layer, ConstantTensor& matrix) {
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

std::vector<Op> Parser::move_scales_behind(const ConstantTensor& matrix, Op*& source, const FloatLayer& layer) {
  std::vector<Op> moved;
  while (source->kind == "ApplyAlpha") {
    const Parameter scale = source->parameter("scale"), bias = source->parameter("bias");
    const bool quantiser_offset = source->name.ends_with("_rescale") && bias.plain.is_uniform();
    if (!scale.plain.is_uniform() || !(bias.plain.all(0) || quantiser_offset)) break;
    Numbers columns = zeros({matrix.value.shape[1]});
    columns.kind = Numbers::Kind::kDouble;
    for (size_t i = 0; i < matrix.value.data.size(); ++i)
      columns.data[i % columns.data.size()] += matrix.value.data[i] * bias.plain.data[0];
    Numbers factor{shape_of(layer),
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

bool Parser::is_published(const Op* op) const {
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

}  // namespace strobe::quantise::onnx
