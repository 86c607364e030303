#include "kernels/import/onnx.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/forest_tree.h"
#include "kernels/import/onnx_graph.h"

namespace strobe::import {
namespace {

using onnx_ir::Graph;
using onnx_ir::Node;
using onnx_ir::Shape;
using onnx_ir::Value;

Shape without_batch(const Shape& shape) { return Shape(shape.begin() + 1, shape.end()); }

absl::Status check_finite(const Value& value, const std::string& tensor, const Node& node) {
  for (size_t i = 0; i < value.data.size(); ++i) {
    if (!std::isfinite(value.data[i]))
      return absl::InvalidArgumentError(
          absl::StrCat(node.label(), ": constant '", tensor, "' holds ", value.data[i], " at element ", i));
  }
  return absl::OkStatus();
}

/// Turns the nodes of a normalised graph into layers.
class LayerWriter {
 public:
  explicit LayerWriter(const Graph& graph) : graph_(graph) {}

  absl::StatusOr<FloatModel> write() {
    model_.name = graph_.name;
    model_.framework = graph_.has_quantisers ? "qonnx" : "onnx";
    for (const onnx_ir::Port& port : graph_.inputs) write_input(port);
    for (const Node& node : graph_.nodes)
      if (absl::Status s = write_node(node); !s.ok()) return s;
    for (const std::string& output : graph_.outputs) {
      if (constant_results_.count(output))
        return absl::InvalidArgumentError(absl::StrCat("output '", output, "' depends on no input"));
      model_.outputs.push_back({output, without_batch(graph_.shapes.at(output))});
    }
    return std::move(model_);
  }

 private:
  void write_input(const onnx_ir::Port& port) {
    Shape shape = without_batch(port.shape);
    model_.inputs.push_back({port.name, shape});
    FloatLayer layer{.name = port.name, .kind = "Input", .class_name = "Input", .inputs = {}, .outputs = {port.name}};
    layer.settings["output_shape"] = shape;
    model_.layers.push_back(std::move(layer));
  }

  absl::Status write_node(const Node& node) {
    FloatLayer layer{.name = node.name, .kind = "", .class_name = node.op, .inputs = {}, .outputs = {node.outputs[0]}};
    const Shape& shape = graph_.shapes.at(node.outputs[0]);
    bool constant = is_constant(node);
    if (!constant && (shape.size() < 1 || shape[0] != 1)) {
      return absl::UnimplementedError(absl::StrCat(node.label(), " gives shape ", onnx_ir::shape_text(shape),
                                                   " for one event; expected the batch axis first and kept"));
    }
    layer.settings["output_shape"] = constant ? shape : without_batch(shape);
    if (absl::Status s = fill(node, layer); !s.ok()) return s;
    model_.layers.push_back(std::move(layer));
    return absl::OkStatus();
  }

  /// Results of quantisers on constants carry no batch axis.
  bool is_constant(const Node& node) {
    bool constant = std::all_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& input) {
      return input.empty() || graph_.constant(input) || constant_results_.count(input);
    });
    if (constant) constant_results_[node.outputs[0]] = true;
    return constant;
  }

  absl::Status fill(const Node& node, FloatLayer& layer) {
    if (onnx_ir::is_quantiser(node)) return fill_quantiser(node, layer);
    if (node.forest != nullptr) return fill_forest(node, layer);
    if (node.op == "BatchNormalization") return fill_batch_norm(node, layer);
    if (node.op == "Reshape" || node.op == "Flatten" || node.op == "Squeeze" || node.op == "Unsqueeze")
      return fill_reshape(node, layer);
    if (node.op == "Transpose") return fill_transpose(node, layer);
    if (node.op == "Clip" || node.op == "PRelu") return fill_bounded(node, layer);
    if (node.op == "Concat") return fill_concat(node, layer);
    if (const char* kind = operand_kind(node.op)) {
      layer.kind = kind;
      return add_operands(node, layer);
    }
    return fill_activation(node, layer);
  }

  static const char* operand_kind(const std::string& op) {
    static constexpr std::array<std::pair<const char*, const char*>, 9> kKinds = {{{"MatMul", "MatMul"},
                                                                                   {"Add", "Add"},
                                                                                   {"Sum", "Add"},
                                                                                   {"Sub", "Subtract"},
                                                                                   {"Mul", "Multiply"},
                                                                                   {"Div", "Divide"},
                                                                                   {"Max", "Maximum"},
                                                                                   {"Min", "Minimum"},
                                                                                   {"Mean", "Average"}}};
    for (const auto& [name, kind] : kKinds)
      if (op == name) return kind;
    return nullptr;
  }

  /// Adds an operand, a Constant layer before it where the operand is a constant.
  absl::Status add_operand(const Node& node, const std::string& tensor, FloatLayer& layer) {
    layer.inputs.push_back(tensor);
    const Value* value = graph_.constant(tensor);
    if (!value) return absl::OkStatus();
    if (absl::Status s = check_finite(*value, tensor, node); !s.ok()) return s;
    copied_ += static_cast<int64_t>(value->data.size());
    if (copied_ > onnx_ir::kMaxElements)
      return absl::InvalidArgumentError(
          absl::StrCat(node.label(), ": the model holds more than ", onnx_ir::kMaxElements, " weights"));
    FloatLayer constant{
        .name = tensor, .kind = "Constant", .class_name = "Constant", .inputs = {}, .outputs = {tensor}};
    constant.settings["output_shape"] = value->shape;
    constant.arrays["value"] = {value->shape, value->data};
    model_.layers.push_back(std::move(constant));
    return absl::OkStatus();
  }

  absl::Status add_operands(const Node& node, FloatLayer& layer) {
    if (node.attributes.count("broadcast") || (node.attributes.count("axis") && node.op != "Concat"))
      return absl::UnimplementedError(
          absl::StrCat(node.label(), ": explicit broadcasting (opset 6 and older) is not supported"));
    for (const std::string& input : node.inputs)
      if (absl::Status s = add_operand(node, input, layer); !s.ok()) return s;
    return absl::OkStatus();
  }

  /// A constant that becomes part of the layer.
  absl::StatusOr<Array> parameter(const Node& node, size_t index, FloatLayer& layer) {
    const std::string& tensor = node.input(index);
    const Value* value = graph_.constant(tensor);
    if (!value) {
      return absl::UnimplementedError(absl::StrCat(
          node.label(), ": input ", index,
          tensor.empty() ? " is missing" : absl::StrCat(" ('", tensor, "') is computed"), "; expected a constant"));
    }
    if (absl::Status s = check_finite(*value, tensor, node); !s.ok()) return s;
    copied_ += static_cast<int64_t>(value->data.size());
    if (copied_ > onnx_ir::kMaxElements)
      return absl::InvalidArgumentError(
          absl::StrCat(node.label(), ": the model holds more than ", onnx_ir::kMaxElements, " weights"));
    layer.absorbed.push_back(tensor);
    return Array{value->shape, value->data};
  }

  absl::Status fill_forest(const Node& node, FloatLayer& layer) {
    layer.kind = "Forest";
    Forest forest = *node.forest;
    const Value* constant = graph_.constant(node.input(0));
    forest.features = static_cast<int32_t>(constant ? constant->shape.back() : graph_.shapes.at(node.input(0)).back());
    if (absl::Status s = verify(forest); !s.ok())
      return absl::Status(s.code(), absl::StrCat(node.label(), ": ", s.message()));
    layer.forest = std::make_shared<const Forest>(std::move(forest));
    return add_operand(node, node.input(0), layer);
  }

  absl::Status fill_quantiser(const Node& node, FloatLayer& layer) {
    layer.kind = "Quantizer";
    UniformQuantizer quantizer{
        .kind = UniformQuantizer::Kind::kQonnx, .type = {}, .name = node.op == "IntQuant" ? "Quant" : node.op};
    if (absl::Status s = add_operand(node, node.input(0), layer); !s.ok()) return s;
    bool trunc = node.op == "Trunc", bipolar = node.op == "BipolarQuant",
         scaled_trunc = trunc && node.inputs.size() == 6;
    struct Slot {
      size_t index;
      Array* into;
    };
    Array out_scale, out_bits;
    std::vector<Slot> slots = {{1, &quantizer.scale}};
    if (!bipolar) slots.insert(slots.end(), {{2, &quantizer.zero_point}, {3, &quantizer.bits}});
    if (scaled_trunc) slots.push_back({4, &out_scale});
    if (trunc) slots.push_back({scaled_trunc ? size_t{5} : size_t{4}, &out_bits});
    for (const Slot& slot : slots) {
      absl::StatusOr<Array> array = parameter(node, slot.index, layer);
      if (!array.ok()) return array.status();
      *slot.into = *std::move(array);
    }
    quantizer.numbers["signed"] = static_cast<double>(node.integer("signed", 1) != 0);
    quantizer.numbers["narrow"] = static_cast<double>(node.integer("narrow", 0) != 0);
    if (trunc && out_bits.data.size() != 1)
      return absl::UnimplementedError(absl::StrCat(node.label(), ": expected one output width"));
    if (trunc) quantizer.numbers["out_bits"] = out_bits.data[0];
    if (scaled_trunc && out_scale.data.size() != 1)
      return absl::UnimplementedError(absl::StrCat(node.label(), ": expected one output scale"));
    if (scaled_trunc) quantizer.numbers["out_scale"] = out_scale.data[0];
    quantizer.texts["rounding_mode"] = absl::AsciiStrToUpper(node.text("rounding_mode", trunc ? "FLOOR" : "ROUND"));
    if (absl::Status s = check_quantiser(node, quantizer); !s.ok()) return s;
    layer.quantizers["output"] = std::move(quantizer);
    return absl::OkStatus();
  }

  static absl::Status check_quantiser(const Node& node, const UniformQuantizer& quantizer) {
    for (double scale : quantizer.scale.data)
      if (!(scale > 0))
        return absl::InvalidArgumentError(
            absl::StrCat(node.label(), ": scale ", scale, ", expected a positive number"));
    for (double bits : quantizer.bits.data)
      if (!(bits >= 1 && bits <= 64))
        return absl::InvalidArgumentError(absl::StrCat(node.label(), ": width ", bits, ", expected 1 to 64 bits"));
    for (const Array* array : {&quantizer.scale, &quantizer.zero_point, &quantizer.bits})
      if (array->data.empty() && !(node.op == "BipolarQuant" && array != &quantizer.scale))
        return absl::InvalidArgumentError(absl::StrCat(node.label(), ": a parameter is empty"));
    const std::string& mode = quantizer.texts.at("rounding_mode");
    static constexpr std::array kModes = {"ROUND", "HALF_EVEN",     "CEIL",    "FLOOR",    "UP",
                                          "DOWN",  "ROUND_TO_ZERO", "HALF_UP", "HALF_DOWN"};
    if (std::find(kModes.begin(), kModes.end(), mode) == kModes.end())
      return absl::UnimplementedError(absl::StrCat(node.label(), ": rounding mode '", mode, "' is not one of QONNX's"));
    return absl::OkStatus();
  }

  absl::Status fill_batch_norm(const Node& node, FloatLayer& layer) {
    layer.kind = "BatchNormalization";
    if (node.integer("training_mode", 0) != 0)
      return absl::UnimplementedError(absl::StrCat(node.label(), " is in training mode"));
    if (absl::Status s = add_operand(node, node.input(0), layer); !s.ok()) return s;
    const Shape& shape = graph_.shapes.at(node.outputs[0]);
    bool channels_last = shape.size() == 2 || node.domain == "qonnx.custom_op.channels_last";
    if (shape.size() < 2)
      return absl::InvalidArgumentError(absl::StrCat(node.label(), ": expected a batch axis and channels"));
    int64_t channels = channels_last ? shape.back() : shape[1];
    static constexpr std::array kArrays = {"gamma", "beta", "moving_mean", "moving_variance"};
    for (size_t i = 0; i < kArrays.size(); ++i) {
      absl::StatusOr<Array> array = parameter(node, i + 1, layer);
      if (!array.ok()) return array.status();
      if (static_cast<int64_t>(array->data.size()) != channels)
        return absl::InvalidArgumentError(absl::StrCat(node.label(), ": ", kArrays[i], " has ", array->data.size(),
                                                       " elements, input has ", channels, " channels"));
      layer.arrays[kArrays[i]] = *std::move(array);
    }
    for (double variance : layer.arrays["moving_variance"].data)
      if (variance < 0) return absl::InvalidArgumentError(absl::StrCat(node.label(), ": negative variance ", variance));
    layer.settings["epsilon"] = node.real("epsilon", static_cast<double>(1e-5F));
    layer.settings["axis"] = channels_last ? int64_t{-1} : int64_t{1};
    return absl::OkStatus();
  }

  absl::Status fill_reshape(const Node& node, FloatLayer& layer) {
    layer.kind = "Reshape";
    layer.settings["target_shape"] = without_batch(graph_.shapes.at(node.outputs[0]));
    if (graph_.constant(node.input(1))) layer.absorbed.push_back(node.input(1));
    return add_operand(node, node.input(0), layer);
  }

  absl::Status fill_transpose(const Node& node, FloatLayer& layer) {
    layer.kind = "Transpose";
    absl::StatusOr<std::vector<int64_t>> permutation =
        onnx_ir::permutation_of(node, graph_.shapes.at(node.outputs[0]).size());
    if (!permutation.ok()) return permutation.status();
    if ((*permutation)[0] != 0) return absl::UnimplementedError(absl::StrCat(node.label(), " moves the batch axis"));
    std::vector<int64_t> inner;
    for (size_t i = 1; i < permutation->size(); ++i) inner.push_back((*permutation)[i] - 1);
    layer.settings["permutation"] = std::move(inner);
    return add_operand(node, node.input(0), layer);
  }

  absl::Status fill_concat(const Node& node, FloatLayer& layer) {
    layer.kind = "Concatenate";
    size_t rank = graph_.shapes.at(node.outputs[0]).size();
    absl::StatusOr<int64_t> axis = onnx_ir::normal_axis(node.integer("axis", 1), rank, node);
    if (!axis.ok()) return axis.status();
    if (*axis == 0) return absl::UnimplementedError(absl::StrCat(node.label(), " joins along the batch axis"));
    layer.settings["axis"] = *axis - static_cast<int64_t>(rank);
    return add_operands(node, layer);
  }

  /// Clip, whose bounds moved from attributes to inputs in opset 11, and PRelu.
  absl::Status fill_bounded(const Node& node, FloatLayer& layer) {
    layer.kind = "Activation";
    if (absl::Status s = add_operand(node, node.input(0), layer); !s.ok()) return s;
    if (node.op == "PRelu") {
      layer.settings["activation"] = std::string("prelu");
      absl::StatusOr<Array> alpha = parameter(node, 1, layer);
      if (!alpha.ok()) return alpha.status();
      layer.arrays["alpha"] = *std::move(alpha);
      return absl::OkStatus();
    }
    double low = -INFINITY, high = INFINITY;
    for (auto [index, key, bound] : {std::tuple{size_t{1}, "min", &low}, std::tuple{size_t{2}, "max", &high}}) {
      *bound = node.real(key, *bound);
      if (node.input(index).empty()) continue;
      const Value* value = graph_.constant(node.input(index));
      if (!value || value->data.size() != 1 || std::isnan(value->data[0]))
        return absl::UnimplementedError(absl::StrCat(node.label(), ": its ", key, " is not one constant number"));
      *bound = value->data[0];
      layer.absorbed.push_back(node.input(index));
    }
    if (low > high) return absl::InvalidArgumentError(absl::StrCat(node.label(), ": min ", low, " exceeds max ", high));
    layer.settings["activation"] = std::string(low == 0 ? "relu" : "clip");
    if (std::abs(low) < 3e38 && low != 0) layer.settings["min_value"] = low;
    if (std::abs(high) < 3e38) layer.settings["max_value"] = high;
    return absl::OkStatus();
  }

  absl::Status fill_activation(const Node& node, FloatLayer& layer) {
    layer.kind = "Activation";
    if (absl::Status s = add_operand(node, node.input(0), layer); !s.ok()) return s;
    static constexpr std::array<std::pair<const char*, const char*>, 11> kNames = {
        {{"Relu", "relu"},
         {"LeakyRelu", "leaky_relu"},
         {"ThresholdedRelu", "thresholded_relu"},
         {"Sigmoid", "sigmoid"},
         {"Tanh", "tanh"},
         {"Softmax", "softmax"},
         {"Elu", "elu"},
         {"Selu", "selu"},
         {"Softplus", "softplus"},
         {"Softsign", "softsign"},
         {"HardSigmoid", "hard_sigmoid"}}};
    auto found = std::find_if(kNames.begin(), kNames.end(), [&](const auto& entry) { return node.op == entry.first; });
    if (found == kNames.end()) return absl::UnimplementedError(absl::StrCat(node.label(), " is not supported"));
    layer.settings["activation"] = std::string(found->second);
    if (node.op == "LeakyRelu") layer.settings["alpha"] = node.real("alpha", static_cast<double>(0.01F));
    if (node.op == "ThresholdedRelu") layer.settings["threshold"] = node.real("alpha", 1.0);
    if (node.op == "Elu") layer.settings["alpha"] = node.real("alpha", 1.0);
    if (node.op == "Selu") {
      layer.settings["alpha"] = node.real("alpha", static_cast<double>(1.67326319217681884765625F));
      layer.settings["gamma"] = node.real("gamma", static_cast<double>(1.05070102214813232421875F));
    }
    if (node.op == "HardSigmoid") {
      layer.settings["alpha"] = node.real("alpha", static_cast<double>(0.2F));
      layer.settings["beta"] = node.real("beta", 0.5);
    }
    return node.op == "Softmax" ? fill_softmax(node, layer) : absl::OkStatus();
  }

  absl::Status fill_softmax(const Node& node, FloatLayer& layer) {
    size_t rank = graph_.shapes.at(node.outputs[0]).size();
    absl::StatusOr<int64_t> axis = onnx_ir::normal_axis(node.integer("axis", graph_.opset < 13 ? 1 : -1), rank, node);
    if (!axis.ok()) return axis.status();
    if (*axis == 0) return absl::UnimplementedError(absl::StrCat(node.label(), " works along the batch axis"));
    if (graph_.opset < 13 && *axis != static_cast<int64_t>(rank) - 1) {
      return absl::UnimplementedError(absl::StrCat(node.label(), ": before opset 13, a softmax over axis ", *axis,
                                                   " joins all axes from there on, which is not supported"));
    }
    layer.settings["axis"] = *axis - static_cast<int64_t>(rank);
    return absl::OkStatus();
  }

  const Graph& graph_;
  FloatModel model_;
  std::unordered_map<std::string, bool> constant_results_;
  int64_t copied_ = 0;
};

absl::Status in_file(const absl::Status& status, const std::string& name) {
  return absl::Status(status.code(), absl::StrCat("'", name, "': ", status.message()));
}

}  // namespace

absl::StatusOr<FloatModel> import_onnx_bytes(std::string_view bytes, const std::string& name) {
  absl::StatusOr<Graph> graph = onnx_ir::parse(bytes, std::filesystem::path(name).stem().string());
  if (!graph.ok()) return in_file(graph.status(), name);
  std::string note;
  if (absl::Status s = onnx_ir::read_trees(*graph, note); !s.ok()) return in_file(s, name);
  if (absl::Status s = onnx_ir::normalise(*graph); !s.ok()) return in_file(s, name);
  absl::StatusOr<FloatModel> model = LayerWriter(*graph).write();
  if (!model.ok()) return in_file(model.status(), name);
  model->provenance["format"] = graph->has_quantisers ? "QONNX" : "ONNX";
  model->provenance["file"] = std::filesystem::path(name).filename().string();
  model->provenance["producer"] = graph->producer;
  if (!note.empty()) model->provenance["scores"] = note;
  model->provenance["opset"] = absl::StrCat(graph->opset);
  return model;
}

absl::StatusOr<FloatModel> import_onnx(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return absl::NotFoundError(absl::StrCat("no file '", path, "'"));
  if (!std::filesystem::is_regular_file(path, error))
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file; expected an ONNX model"));
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) return absl::InvalidArgumentError(absl::StrCat("cannot read '", path, "'"));
  return import_onnx_bytes(bytes, path);
}

}  // namespace strobe::import
