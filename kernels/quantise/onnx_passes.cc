#include "kernels/quantise/onnx_passes.h"

#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/layer_settings.h"
#include "kernels/quantise/onnx_network.h"

namespace strobe::quantise {
namespace {

using onnx::Network;
using onnx::Numbers;
using onnx::Op;
using onnx::Parameter;

/// Holds factors of very different size, each to a relative 2^-20, in at most 40 bits.
FixedType parameter_type(const Numbers& numbers) {
  double largest = 0, smallest = INFINITY;
  bool is_signed = false;
  for (double v : numbers.data) {
    if (v == 0) continue;
    largest = std::max(largest, std::abs(v));
    smallest = std::min(smallest, std::abs(v));
    is_signed = is_signed || v < 0;
  }
  if (largest == 0) return FixedType::ufixed(1, 1);
  const int integer = std::ilogb(largest) + 2 + is_signed;
  const int fraction = std::min(20 - std::ilogb(smallest), 40 - integer);
  return FixedType{is_signed, integer + fraction, integer, model::Rounding::kRnd, model::Overflow::kSat};
}

WeightArray weights_of(const Op& op, const std::string& name, const Parameter& parameter, bool own) {
  const int64_t channels = op.shape.empty() ? 1 : op.shape.back();
  const bool matrix = name == "weight";
  const auto array = [&](const Numbers& numbers) {
    const Numbers compact = matrix ? numbers : onnx::per_channel(numbers, channels);
    return import::Array{matrix ? compact.shape : std::vector<int64_t>{static_cast<int64_t>(compact.data.size())},
                         compact.data};
  };
  WeightArray weights{array(parameter.value), array(parameter.plain), std::nullopt, false};
  if (parameter.quantizer || parameter.precision) {
    weights.type = parameter.quantizer ? parameter.quantizer : parameter.precision;
    weights.has_quantizer = true;
  } else if (own && op.is_affine()) {
    weights.type = parameter_type(parameter.value);
    weights.has_quantizer = true;
  }
  return weights;
}

/// Folding may leave float's range, and no fixed-point type holds what is far beyond any activation.
absl::Status check_size(const Op& op) {
  constexpr double kLargest = 1e9;
  const auto refuse = [&](const std::string& what, double value) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer '", op.name, "': ", what, " is ", value, "; expected a number within ", kLargest));
  };
  for (const auto& [name, parameter] : op.parameters)
    for (double v : parameter.value.data)
      if (!(std::abs(v) <= kLargest)) return refuse(name, v);
  for (const auto& [name, setting] : op.settings)
    if (const double* v = std::get_if<double>(&setting); v != nullptr && !(std::abs(*v) <= kLargest))
      return refuse(name, *v);
  return absl::OkStatus();
}

TypedLayer typed(const Op& op, const Network& network) {
  TypedLayer layer{.name = op.name, .kind = op.kind, .inputs = {}, .shape = op.shape, .settings = op.settings};
  const bool own = network.own_rules();
  for (const Op* input : op.inputs) layer.inputs.push_back(input->name);
  for (const auto& [name, parameter] : op.parameters) layer.weights[name] = weights_of(op, name, parameter, own);
  configure_layer(layer, network.config);
  if (op.result) layer.types["result"] = op.result;
  if (own && op.quantizer) layer.types["trained"] = op.quantizer;
  // Inference with strobe's own rules sets every result anew; until then none may look open, or the quantisers would be
  // taken for linear activations that change nothing.
  if (own && !op.result) layer.types["result"] = FixedType::fixed(64, 64);
  if (op.is_affine()) layer.settings["exact_step"] = true;
  return layer;
}

}  // namespace

absl::StatusOr<TypedModel> type_onnx_layers(const import::FloatModel& model, const HlsConfig& config) {
  absl::StatusOr<Network> network = onnx::parse(model, config);
  if (!network.ok()) return network.status();
  onnx::fuse(*network);
  TypedModel result{.name = model.name, .layers = {}, .outputs = {}, .provenance = model.provenance};
  std::set<std::string> names;
  for (const Op& op : network->ops) {
    if (!names.insert(op.name).second)
      return absl::InvalidArgumentError(absl::StrCat("two layers are named '", op.name, "'"));
    if (absl::Status s = check_size(op); !s.ok()) return s;
    result.layers.push_back(typed(op, *network));
  }
  for (const Op* output : network->outputs) result.outputs.push_back(output->name);
  return result;
}

}  // namespace strobe::quantise
