#include "kernels/quantise/emit.h"

#include <bit>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "kernels/layers/catalog.h"
#include "kernels/quantise/function_pieces.h"
#include "kernels/quantise/hgq_weights.h"
#include "kernels/quantise/softmax_tables.h"
#include "kernels/quantise/tables.h"

namespace strobe::quantise {
namespace {

using model::Constant;
using model::Node;
using model::TensorType;

/// The number that is left of a weight printed with `decimals` decimals.
double through_decimals(double value, int decimals) {
  char text[512];
  std::snprintf(text, sizeof text, "%.*f", std::max(decimals, 0), value);
  return std::strtod(text, nullptr);
}

class Emitter {
 public:
  Emitter(const TypedModel& model, WeightRule rule, std::vector<std::string>& warnings)
      : model_(model), rule_(rule), warnings_(warnings), builder_(model.name) {}

  absl::StatusOr<model::Graph> run() {
    for (const auto& [key, value] : model_.provenance) builder_.set_provenance(key, value);
    for (const TypedLayer& layer : model_.layers) {
      if (absl::Status s = emit(layer); !s.ok()) return s;
    }
    std::vector<model::TensorId> outputs;
    for (const std::string& name : model_.outputs) outputs.push_back(ids_.at(name));
    builder_.set_outputs(std::move(outputs));
    auto graph = std::move(builder_).build();
    if (!graph.ok()) return graph.status();
    if (absl::Status s = layers::verify(*graph); !s.ok()) return s;
    return model::prune(*graph);
  }

 private:
  absl::Status emit(const TypedLayer& layer) {
    for (const auto& [name, weights] : layer.weights) {
      for (const double value : weights.values.data) {
        if (std::isfinite(value)) continue;
        return absl::InvalidArgumentError(
            absl::StrCat("layer '", layer.name, "': ", name, " is not finite after folding the batch normalisation"));
      }
    }
    const TensorType type{layer.shape, {*layer.type("result")}};
    if (layer.kind == "Input") {
      ids_[layer.name] = builder_.add_input(layer.name, type);
      return absl::OkStatus();
    }
    Node node;
    node.name = layer.name;
    for (const std::string& input : layer.inputs) node.inputs.push_back(ids_.at(input));
    if (absl::Status s = layer.flag("in_pieces", false) ? add_pieces(layer, node) : fill(layer, node); !s.ok())
      return s;
    ids_[layer.name] = builder_.add(std::move(node), type);
    return absl::OkStatus();
  }

  /// The terms of a function as layers of their own, and `node` as their sum.
  absl::Status add_pieces(const TypedLayer& layer, Node& node) {
    const FixedType in = *model_.find(layer.inputs[0])->type("result");
    std::vector<model::TensorId> terms;
    for (FunctionPiece& piece : function_pieces(layer.text("activation"), in)) {
      piece.node.name = absl::StrCat(layer.name, "_", std::string(piece.name));
      piece.node.inputs = node.inputs;
      terms.push_back(builder_.add(std::move(piece.node), {layer.shape, {piece.result}}));
    }
    node.op = terms.size() == 1 ? "quantize" : "add";
    node.inputs = std::move(terms);
    return absl::OkStatus();
  }

  absl::Status fill(const TypedLayer& layer, Node& node) {
    const std::string& kind = layer.kind;
    if (kind == "Dense") return fill_dense(layer, node);
    if (kind == "BatchNormalization" || kind == "ApplyAlpha") {
      node.op = "batch_norm";
      node.constants["scale"] = constant(layer, "scale");
      node.constants["bias"] = constant(layer, "bias");
      return absl::OkStatus();
    }
    if (kind == "BatchNormalizationQuantizedTanh") {
      node.op = "sign";
      node.attributes["mode"] = layer.text("mode");
      for (const auto& [name, weights] : layer.weights) node.constants[name] = constant(layer, name);
      return absl::OkStatus();
    }
    if (kind == "Reshape") {
      node.op = "reshape";
      return absl::OkStatus();
    }
    if (kind == "Transpose") {
      node.op = "transpose";
      node.attributes["permutation"] = std::get<std::vector<int64_t>>(layer.settings.find("permutation")->second);
      return absl::OkStatus();
    }
    if (kind == "Concatenate") {
      node.op = "concatenate";
      node.attributes["axis"] = layer.integer("axis", 0);
      return absl::OkStatus();
    }
    if (kind == "Merge") {
      node.op = layer.text("op");
      return absl::OkStatus();
    }
    if (kind == "Softmax") return fill_softmax(layer, node);
    return fill_activation(layer, node);
  }

  absl::Status fill_dense(const TypedLayer& layer, Node& node) {
    node.op = "dense";
    node.constants["weight"] = constant(layer, "weight");
    node.constants["bias"] = constant(layer, "bias");
    if (const auto accum = layer.type("accum")) node.attributes["accum"] = *accum;
    node.attributes["reuse_factor"] = layer.integer("reuse_factor", 1);
    node.attributes["strategy"] = layer.text("strategy", "latency");
    return absl::OkStatus();
  }

  absl::Status fill_softmax(const TypedLayer& layer, Node& node) {
    node.op = "softmax";
    const TypedLayer& input = *model_.find(layer.inputs[0]);
    return write_softmax(layer, *input.type("result"), node);
  }

  absl::Status fill_activation(const TypedLayer& layer, Node& node) {
    const std::string activation = layer.text("activation", "linear");
    const FixedType in = *model_.find(layer.inputs[0])->type("result");
    if (activation == "linear") {
      node.op = "quantize";
    } else if (activation == "relu" || activation == "relu6") {
      node.op = "relu";
      const double max_value = activation == "relu6" ? 6.0 : layer.real("max_value", 0);
      if (max_value > 0) node.constants["max_value"] = exact_scalar(max_value);
    } else if (activation == "leakyrelu") {
      node.op = "leaky_relu";
      node.constants["alpha"] = scalar(layer.real("parameter", 0.3), *layer.type("param"));
    } else if (activation == "prelu") {
      node.op = "leaky_relu";
      node.constants["alpha"] = constant(layer, "param");
    } else if (activation == "thresholdedrelu") {
      node.op = "threshold_relu";
      node.constants["theta"] = scalar(layer.real("parameter", 1.0), *layer.type("param"));
    } else if (activation == "hard_sigmoid" || activation == "hard_tanh") {
      fill_hard(layer, activation == "hard_tanh", node);
    } else if (activation == "binary_tanh" || activation == "binary") {
      node.op = "sign";
      node.attributes["mode"] = std::string("binary");
      node.constants["threshold"] = exact_scalar(0);
    } else if (activation == "ternary_tanh" || activation == "ternary") {
      node.op = "sign";
      node.attributes["mode"] = std::string("ternary");
      node.attributes["factor"] = int64_t{2};
      node.attributes["inner"] = FixedType{in.is_signed, in.width, in.integer};
      node.constants["high"] = exact_scalar(1);
      node.constants["low"] = exact_scalar(-1);
    } else {
      return fill_table(layer, activation, node);
    }
    return absl::OkStatus();
  }

  static void fill_hard(const TypedLayer& layer, bool tanh, Node& node) {
    node.op = "clip";
    const FixedType slope_type = layer.type("slope").value_or(FixedType::ufixed(16, 0));
    const FixedType shift_type = layer.type("shift").value_or(FixedType::ufixed(2, 0));
    double slope = model::to_double(model::cast(layer.real("slope", 0.2), slope_type), slope_type);
    double shift = model::to_double(model::cast(layer.real("shift", 0.5), shift_type), shift_type);
    if (tanh) {  // 2 s - 1
      slope *= 2;
      shift = 2 * shift - 1;
    }
    node.constants["slope"] = exact_scalar(slope);
    node.constants["shift"] = exact_scalar(shift);
    node.constants["low"] = exact_scalar(tanh ? -1 : 0);
    node.constants["high"] = exact_scalar(1);
  }

  absl::Status fill_table(const TypedLayer& layer, const std::string& activation, Node& node) {
    const int64_t size = layer.integer("table_size", 1024);
    auto rule = table_rule(activation, size);
    if (!rule.ok())
      return absl::Status(rule.status().code(),
                          absl::StrCat("layer '", layer.name, "': ", std::string(rule.status().message())));
    node.op = "table";
    node.constants["table"] = make_table(activation, size, layer.type("table").value_or(FixedType::fixed(18, 8)));
    node.attributes["scale_numerator"] = rule->numerator;
    node.attributes["scale_denominator"] = rule->denominator;
    node.attributes["offset"] = rule->offset;
    if (!rule->positive.empty()) node.attributes["positive"] = rule->positive;
    if (activation == "selu") node.constants["positive_scale"] = scalar(1.0507009873554805, FixedType::ufixed(16, 1));
    if (activation == "elu" && layer.type("param")) {
      node.constants["negative_scale"] = scalar(layer.real("parameter", 1.0), *layer.type("param"));
    }
    return absl::OkStatus();
  }

  static Constant scalar(double value, const FixedType& type) { return {{{1}, {type}}, {model::cast(value, type)}}; }

  /// A constant that is held exactly; the value must have few binary digits.
  static Constant exact_scalar(double value) { return exact_constant({{1}, {value}}); }

  Constant constant(const TypedLayer& layer, const std::string& name) {
    const WeightArray& weights = layer.weights.at(name);
    const FixedType type = weights.type && weights.has_quantizer ? *weights.type : *layer.type(name);
    Constant result{{weights.values.shape, {type}}, {}};
    if (result.type.shape.empty()) result.type.shape = {1};
    model::OverflowCount overflow;
    for (const double value : weights.values.data) {
      const double printed = rule_ == WeightRule::kDecimal ? through_decimals(value, type.fraction()) : value;
      result.raw.push_back(model::cast(printed, type, &overflow));
    }
    if (overflow.total() > 0) {
      warnings_.push_back(absl::StrCat("layer '", layer.name, "': ", overflow.total(), " of ", result.raw.size(),
                                       " values of '", name, "' do not fit ", type.to_string(),
                                       overflow.wrapped > 0 ? " and wrap" : " and saturate"));
    }
    return result;
  }

  const TypedModel& model_;
  WeightRule rule_;
  std::vector<std::string>& warnings_;
  model::GraphBuilder builder_;
  std::map<std::string, model::TensorId> ids_;
};

}  // namespace

absl::StatusOr<model::Graph> emit_graph(const TypedModel& model, WeightRule rule, std::vector<std::string>& warnings) {
  return Emitter(model, rule, warnings).run();
}

}  // namespace strobe::quantise
