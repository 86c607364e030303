#include "kernels/quantise/native.h"

#include <algorithm>
#include <cmath>

namespace strobe::quantise {
namespace {

using import::Array;
using model::Overflow;
using model::Rounding;

constexpr int kActivationFraction = 12;
constexpr int kWeightBits = 16;
constexpr int kParameterBits = 18;
constexpr int kMaxWidth = 60;

struct Interval {
  double low = 0;
  double high = 0;
};

Interval range_of(const FixedType& type) {
  return {static_cast<double>(type.min_raw()) * type.step(), static_cast<double>(type.max_raw()) * type.step()};
}

/// Integer bits, without a sign, that hold |value|.
int integer_bits(double value) { return value == 0 ? 0 : static_cast<int>(std::floor(std::log2(value))) + 1; }

/// The type of `fraction` fraction bits whose range covers the interval; fewer where it would be too wide.
FixedType covering(Interval interval, int fraction, Rounding rounding) {
  const bool is_signed = interval.low < 0;
  const int integer =
      std::max(integer_bits(std::max(std::abs(interval.low), std::abs(interval.high)) * (1 + 1e-9)), -fraction + 1) +
      is_signed;
  fraction = std::min(fraction, kMaxWidth - integer);
  return {is_signed, std::max(integer + fraction, 1), integer, rounding, Overflow::kSat};
}

/// The type of `bits` bits for some weights.
FixedType weight_type(const Array& values, int bits) {
  double largest = 0;
  bool is_signed = false;
  for (const double v : values.data) {
    largest = std::max(largest, std::abs(v));
    is_signed = is_signed || v < 0;
  }
  if (largest == 0) return FixedType::ufixed(1, 1, Rounding::kRnd, Overflow::kSat);
  const int integer = integer_bits(largest) + is_signed;
  FixedType type{is_signed, bits, integer, Rounding::kRnd, Overflow::kSat};
  model::OverflowCount count;
  for (const double v : values.data) model::cast(v, type, &count);
  if (count.total() > 0) ++type.integer;  // the largest value rounds up to a power of two
  return type;
}

class NativeInference {
 public:
  NativeInference(TypedModel& model, const std::optional<FixedType>& input_type)
      : model_(model), input_type_(input_type) {}

  void run() {
    for (TypedLayer& layer : model_.layers) {
      infer(layer);
      for (auto& [name, type] : layer.types) {
        if (!type.has_value()) type = FixedType{};
      }
    }
  }

 private:
  void infer(TypedLayer& layer) {
    if (layer.kind == "Input") {
      layer.types["result"] = input_type_.value_or(FixedType{});
      ranges_[layer.name] = range_of(*layer.type("result"));
    } else if (layer.kind == "Dense") {
      infer_dense(layer);
    } else if (layer.kind == "BatchNormalization" || layer.kind == "ApplyAlpha") {
      infer_batch_norm(layer);
    } else if (layer.kind == "Reshape" || layer.kind == "Transpose") {
      layer.types["result"] = type_of(layer.inputs[0]);
      ranges_[layer.name] = ranges_[layer.inputs[0]];
    } else if (layer.kind == "Merge" || layer.kind == "Concatenate") {
      infer_merge(layer);
    } else if (layer.kind == "BatchNormalizationQuantizedTanh") {
      ranges_[layer.name] = {-1, 1};
    } else {
      infer_activation(layer);
    }
  }

  FixedType type_of(const std::string& layer) const { return *model_.find(layer)->type("result"); }

  void settle_weights(TypedLayer& layer) {
    for (auto& [name, weights] : layer.weights) {
      if (!weights.has_quantizer)
        layer.types[name] = weight_type(weights.values, name == "weight" ? kWeightBits : kParameterBits);
    }
  }

  /// A result that only activations read may stay exact: they round once.
  bool only_activations_read(const TypedLayer& layer) {
    const auto readers = model_.readers(layer.name);
    if (readers.empty() || std::find(model_.outputs.begin(), model_.outputs.end(), layer.name) != model_.outputs.end())
      return false;
    return std::all_of(readers.begin(), readers.end(), [](const TypedLayer* reader) {
      return reader->kind == "Activation" || reader->kind == "ParametrizedActivation" || reader->kind == "PReLU" ||
             reader->kind == "HardActivation" || reader->kind == "TernaryTanh" ||
             reader->kind == "BatchNormalizationQuantizedTanh";
    });
  }

  void settle_result(TypedLayer& layer, Interval interval, int exact_fraction) {
    const int fraction = only_activations_read(layer) ? exact_fraction : std::min(exact_fraction, kActivationFraction);
    layer.types["result"] = covering(interval, fraction, fraction < exact_fraction ? Rounding::kRnd : Rounding::kTrn);
    ranges_[layer.name] = interval;
  }

  void infer_dense(TypedLayer& layer) {
    settle_weights(layer);
    layer.types.erase("accum");  // exact
    const Array& weight = layer.weights["weight"].values;
    const Array& bias = layer.weights["bias"].values;
    const Interval in = ranges_[layer.inputs[0]];
    const int64_t n_in = weight.shape[0];
    const int64_t n_out = weight.shape[1];
    Interval out;
    for (int64_t j = 0; j < n_out; ++j) {
      Interval sum{bias.data[j], bias.data[j]};
      for (int64_t i = 0; i < n_in; ++i) {
        const double w = weight.data[i * n_out + j];
        const double slack = 0.5 * layer.type("weight")->step();  // the quantised weight may be half a step away
        const auto [low, high] =
            std::minmax({(w + slack) * in.low, (w - slack) * in.low, (w + slack) * in.high, (w - slack) * in.high});
        sum.low += low;
        sum.high += high;
      }
      out.low = std::min(out.low, sum.low);
      out.high = std::max(out.high, sum.high);
    }
    settle_result(layer, out,
                  std::max(type_of(layer.inputs[0]).fraction() + layer.type("weight")->fraction(),
                           layer.type("bias")->fraction()));
  }

  void infer_batch_norm(TypedLayer& layer) {
    settle_weights(layer);
    const Interval in = ranges_[layer.inputs[0]];
    Interval out;
    const Array& scale = layer.weights["scale"].values;
    const Array& bias = layer.weights["bias"].values;
    const double slack = layer.type("scale")->step();
    for (size_t c = 0; c < std::max(scale.data.size(), bias.data.size()); ++c) {
      for (const double x : {in.low, in.high}) {
        const double y = scale.data[c % scale.data.size()] * x + bias.data[c % bias.data.size()];
        out.low = std::min(out.low, y - slack * std::abs(x) - layer.type("bias")->step());
        out.high = std::max(out.high, y + slack * std::abs(x) + layer.type("bias")->step());
      }
    }
    settle_result(layer, out,
                  std::max(type_of(layer.inputs[0]).fraction() + layer.type("scale")->fraction(),
                           layer.type("bias")->fraction()));
  }

  void infer_merge(TypedLayer& layer) {
    const std::string op = layer.kind == "Concatenate" ? "maximum" : layer.text("op");
    Interval out = ranges_[layer.inputs[0]];
    int fraction = type_of(layer.inputs[0]).fraction();
    for (size_t i = 1; i < layer.inputs.size(); ++i) {
      const Interval in = ranges_[layer.inputs[i]];
      const int other = type_of(layer.inputs[i]).fraction();
      if (op == "add" || op == "average") {
        out = {out.low + in.low, out.high + in.high};
      } else if (op == "subtract") {
        out = {out.low - in.high, out.high - in.low};
      } else if (op == "multiply") {
        const auto [low, high] =
            std::minmax({out.low * in.low, out.low * in.high, out.high * in.low, out.high * in.high});
        out = {low, high};
      } else {
        out = {std::min(out.low, in.low), std::max(out.high, in.high)};
      }
      fraction = op == "multiply" ? fraction + other : std::max(fraction, other);
    }
    settle_result(layer, out, op == "average" ? fraction + 2 : fraction);
  }

  void infer_activation(TypedLayer& layer) {
    const std::string activation = layer.text("activation", "linear");
    if (layer.types.contains("param")) layer.types["param"] = parameter_type(layer);
    if (layer.kind == "Softmax") {
      layer.types["result"] = FixedType::ufixed(16, 1, Rounding::kRnd, Overflow::kSat);
      layer.types["accum"] = FixedType{};
      if (layer.text("implementation").empty()) layer.settings["implementation"] = std::string("strobe");
      ranges_[layer.name] = {0, 1};
      return;
    }
    layer.types["shift"] = FixedType::fixed(18, 3, Rounding::kRnd);
    layer.types["slope"] = FixedType::fixed(18, 3, Rounding::kRnd);
    if (!layer.settings.contains("table_size")) layer.settings["table_size"] = int64_t{4096};
    layer.types["table"] = FixedType::fixed(18, 5, Rounding::kRnd, Overflow::kSat);
    if (activation == "softplus" || activation == "softsign") settle_reach(layer, ranges_[layer.inputs[0]]);
    Interval out = activated(activation, ranges_[layer.inputs[0]], layer);
    const FixedType in = type_of(layer.inputs[0]);
    if (const MaybeType trained = layer.type("trained")) {
      layer.types["result"] = *trained;
      const Interval limits = range_of(*trained);
      out = {std::max(out.low, limits.low), std::min(out.high + trained->step(), limits.high)};
    } else {
      const bool follows_grid =
          activation == "relu" || activation == "linear" || activation == "binary_tanh" || activation == "ternary_tanh";
      const int fraction = follows_grid ? std::clamp(in.fraction(), 0, kActivationFraction) : kActivationFraction;
      layer.types["result"] = covering(out, fraction, Rounding::kRnd);
    }
    ranges_[layer.name] = out;
  }

  /// softplus and softsign still move beyond +-8: their tables span the whole input, in steps of 1/256 where 16384
  /// entries are enough for that.
  static void settle_reach(TypedLayer& layer, Interval in) {
    int64_t reach = 8;
    const double limit = std::min(std::max(std::abs(in.low), std::abs(in.high)), std::ldexp(1.0, 30));
    while (static_cast<double>(reach) < limit) reach *= 2;
    layer.settings["table_reach"] = reach;
    layer.settings["table_size"] = std::clamp<int64_t>(reach * 512, 4096, 16384);
    const int integer = integer_bits(static_cast<double>(reach)) + 2;
    layer.types["table"] = FixedType::fixed(integer + 13, integer, Rounding::kRnd, Overflow::kSat);
  }

  static FixedType parameter_type(const TypedLayer& layer) {
    auto it = layer.weights.find("param");
    if (it != layer.weights.end()) return weight_type(it->second.values, kParameterBits);
    return weight_type({{1}, {layer.real("parameter", 0.3)}}, kParameterBits);
  }

  static Interval activated(const std::string& activation, Interval in, const TypedLayer& layer) {
    if (activation == "relu") {
      const double cap = layer.real("max_value", 0);
      return {0, cap > 0 ? std::min(cap, std::max(in.high, 0.0)) : std::max(in.high, 0.0)};
    }
    if (activation == "relu6") return {0, 6};
    if (activation == "sigmoid" || activation == "hard_sigmoid") return {0, 1};
    if (activation == "tanh" || activation == "softsign" || activation == "hard_tanh" ||
        activation.starts_with("binary") || activation.starts_with("ternary")) {
      return {-1, 1};
    }
    if (activation == "softplus") return {0, static_cast<double>(layer.integer("table_reach", 8)) + 0.01};
    if (activation == "selu") return {std::min(-1.7581, 1.06 * in.low), 1.06 * in.high};
    if (activation == "thresholdedrelu") return {std::min(0.0, in.low), std::max(0.0, in.high)};
    double slope = std::abs(layer.real("parameter", 1.0));
    if (auto it = layer.weights.find("param"); it != layer.weights.end()) {
      for (const double v : it->second.values.data) slope = std::max(slope, std::abs(v));
    }
    slope = std::max(slope, 1.0) * 1.01;
    return {std::min(slope * in.low, -slope * std::max(-in.low, 1.0)),
            slope * std::max(std::abs(in.low), std::abs(in.high))};
  }

  TypedModel& model_;
  std::optional<FixedType> input_type_;
  std::map<std::string, Interval> ranges_;
};

}  // namespace

void infer_native(TypedModel& model, const std::optional<FixedType>& input_type) {
  NativeInference(model, input_type).run();
}

}  // namespace strobe::quantise
