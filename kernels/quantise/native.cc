#include "kernels/quantise/native.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/quantise/quantise.h"
#include "kernels/quantise/widths.h"

namespace strobe::quantise {
namespace {

using import::Array;
using model::Overflow;
using model::Rounding;

constexpr int kActivationFraction = 12;
constexpr int kWeightBits = 16;
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

/// The narrowest type of `fraction` fraction bits that holds the interval's ends as it rounds them; fewer fraction bits
/// where it would be too wide.
FixedType covering(Interval interval, int fraction, Rounding rounding) {
  constexpr double kMargin = 1 + 1e-9;  // the ends are sums in double
  const bool is_signed = interval.low < 0;
  int integer = std::max(integer_bits(std::max(std::abs(interval.low), std::abs(interval.high))) - 1, -fraction + 1);
  for (integer += is_signed;; ++integer) {
    const int kept = std::min(fraction, kMaxWidth - integer);
    const FixedType type{is_signed, std::max(integer + kept, 1), integer, rounding, Overflow::kSat};
    model::OverflowCount count;
    model::cast(interval.low * kMargin, type, &count);
    model::cast(interval.high * kMargin, type, &count);
    if (count.total() == 0) return type;
  }
}

/// What a conversion to `type` leaves of an interval.
Interval converted(Interval interval, const FixedType& type) {
  model::OverflowCount count;
  const Interval result = {model::to_double(model::cast(interval.low, type, &count), type),
                           model::to_double(model::cast(interval.high, type, &count), type)};
  const bool clips = type.overflow == Overflow::kSat || type.overflow == Overflow::kSatSym;
  return count.total() == 0 || clips ? result : range_of(type);
}

Interval hull(Interval a, Interval b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

Interval scaled(Interval x, double factor) {
  return {std::min(x.low * factor, x.high * factor), std::max(x.low * factor, x.high * factor)};
}

class NativeInference {
 public:
  NativeInference(TypedModel& model, const std::optional<FixedType>& input_type, std::optional<int> weight_bits)
      : model_(model), input_type_(input_type), weight_bits_(weight_bits.value_or(kWeightBits)) {}

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
      layer.types["result"] = input_type_.value_or(kDefaultInputType);
      FixedType raw = *layer.type("result");
      raw.overflow = Overflow::kSat;  // raw events may hold the lowest number also where conversion never gives it
      ranges_[layer.name] = range_of(raw);
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

  int parameter_bits() const { return weight_bits_ + kParameterExtraBits; }
  static bool has_given_result(const TypedLayer& layer) { return layer.flag("result_is_given", false); }

  FixedType type_of(const std::string& layer) const { return *model_.find(layer)->type("result"); }

  void settle_weights(TypedLayer& layer) {
    for (auto& [name, weights] : layer.weights) {
      if (!weights.has_quantizer)
        layer.types[name] = weight_type(weights.values, name == "weight" ? weight_bits_ : parameter_bits());
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
    const FixedType type =
        has_given_result(layer)
            ? *layer.type("result")
            : covering(interval, fraction, fraction < exact_fraction ? Rounding::kRnd : Rounding::kTrn);
    layer.types["result"] = type;
    ranges_[layer.name] = converted(interval, type);
  }

  /// A layer's numbers as its type holds them.
  static std::vector<double> held(const TypedLayer& layer, const char* name) {
    const FixedType type = *layer.type(name);
    std::vector<double> values = layer.weights.at(name).values.data;
    for (double& v : values) v = model::to_double(model::cast(v, type), type);
    return values;
  }

  void infer_dense(TypedLayer& layer) {
    settle_weights(layer);
    layer.types.erase("accum");  // exact
    const std::vector<double> weight = held(layer, "weight");
    const std::vector<double> bias = held(layer, "bias");
    const Interval in = ranges_[layer.inputs[0]];
    const size_t n_out = bias.size();
    Interval out;
    for (size_t j = 0; j < n_out; ++j) {
      Interval sum{bias[j], bias[j]};
      for (size_t w = j; w < weight.size(); w += n_out) {
        const Interval product = scaled(in, weight[w]);
        sum.low += product.low;
        sum.high += product.high;
      }
      out = hull(out, sum);
    }
    settle_result(layer, out,
                  std::max(type_of(layer.inputs[0]).fraction() + layer.type("weight")->fraction(),
                           layer.type("bias")->fraction()));
  }

  void infer_batch_norm(TypedLayer& layer) {
    settle_weights(layer);
    const std::vector<double> scale = held(layer, "scale");
    const std::vector<double> bias = held(layer, "bias");
    Interval out;
    for (size_t c = 0; c < std::max(scale.size(), bias.size()); ++c) {
      const Interval product = scaled(ranges_[layer.inputs[0]], scale[c % scale.size()]);
      const double shift = bias[c % bias.size()];
      out = hull(out, {product.low + shift, product.high + shift});
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
        out = hull(out, in);
      }
      fraction = op == "multiply" ? fraction + other : std::max(fraction, other);
    }
    if (op != "average") return settle_result(layer, out, fraction);
    const size_t n = layer.inputs.size();
    settle_result(layer, scaled(out, 1.0 / static_cast<double>(n)), fraction + static_cast<int>(std::bit_width(n - 1)));
  }

  void infer_activation(TypedLayer& layer) {
    const std::string activation = layer.text("activation", "linear");
    if (layer.types.contains("param")) layer.types["param"] = parameter_type(layer);
    if (layer.kind == "Softmax") {
      if (!has_given_result(layer)) layer.types["result"] = FixedType::ufixed(16, 1, Rounding::kRnd, Overflow::kSat);
      layer.types["accum"] = FixedType{};
      if (layer.text("implementation").empty()) layer.settings["implementation"] = std::string("strobe");
      ranges_[layer.name] = {0, 1};
      return;
    }
    layer.types["shift"] = FixedType::fixed(18, 3, Rounding::kRnd);
    layer.types["slope"] = FixedType::fixed(18, 3, Rounding::kRnd);
    if (!layer.settings.contains("table_size")) layer.settings["table_size"] = int64_t{4096};
    layer.types["table"] = FixedType::fixed(18, 5, Rounding::kRnd, Overflow::kSat);
    layer.settings["in_pieces"] = activation == "softplus" || activation == "softsign";
    const Interval out = activated(activation, ranges_[layer.inputs[0]], layer);
    const FixedType in = type_of(layer.inputs[0]);
    if (has_given_result(layer)) {
      // as asked for
    } else if (const MaybeType trained = layer.type("trained")) {
      layer.types["result"] = *trained;
    } else {
      const bool follows_grid =
          activation == "relu" || activation == "linear" || activation == "binary_tanh" || activation == "ternary_tanh";
      const int fraction = follows_grid ? std::clamp(in.fraction(), 0, kActivationFraction) : kActivationFraction;
      layer.types["result"] = covering(out, fraction, Rounding::kRnd);
    }
    ranges_[layer.name] = converted(out, *layer.type("result"));
  }

  FixedType parameter_type(const TypedLayer& layer) const {
    auto it = layer.weights.find("param");
    if (it != layer.weights.end()) return weight_type(it->second.values, parameter_bits());
    return weight_type({{1}, {layer.real("parameter", 0.3)}}, parameter_bits());
  }

  /// What the kernel's function gives, before the result's conversion.
  static Interval activated(const std::string& activation, Interval in, const TypedLayer& layer) {
    const Interval positive = {0, std::max(in.high, 0.0)};
    const Interval negative = {std::min(in.low, 0.0), 0};
    if (activation == "linear") return in;
    if (activation == "relu" || activation == "relu6") {
      const double cap = activation == "relu6" ? 6 : layer.real("max_value", 0);
      return {0, cap > 0 ? std::min(cap, positive.high) : positive.high};
    }
    if (activation == "sigmoid" || activation == "hard_sigmoid") return {0, 1};
    if (activation == "tanh" || activation == "softsign" || activation == "hard_tanh" ||
        activation.starts_with("binary") || activation.starts_with("ternary")) {
      return {-1, 1};
    }
    if (activation == "softplus") return {0, positive.high + 0.7};  // at most ln 2 above relu
    if (activation == "selu") return {-1.7582, 1.0508 * positive.high};
    if (activation == "thresholdedrelu") return hull(negative, positive);
    std::vector<double> slopes = {layer.real("parameter", 1.0)};
    if (layer.weights.contains("param")) slopes = held(layer, "param");
    Interval out = positive;
    for (double slope : slopes) {
      if (const MaybeType type = layer.type("param")) slope = model::to_double(model::cast(slope, *type), *type);
      out = hull(out, scaled(activation == "elu" ? Interval{-1, 0} : negative, slope));
    }
    return out;
  }

  TypedModel& model_;
  std::optional<FixedType> input_type_;
  int weight_bits_;
  std::map<std::string, Interval> ranges_;
};

}  // namespace

void infer_native(TypedModel& model, const std::optional<FixedType>& input_type, std::optional<int> weight_bits) {
  NativeInference(model, input_type, weight_bits).run();
}

}  // namespace strobe::quantise
