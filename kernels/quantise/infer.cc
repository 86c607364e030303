#include "kernels/quantise/infer.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace strobe::quantise {
namespace {

int ceil_log2(int64_t n) { return n <= 1 ? 0 : std::bit_width(static_cast<uint64_t>(n - 1)); }

FixedType make(int width, int integer, bool is_signed) { return {is_signed, width, integer}; }

/// Holds a product exactly.
FixedType product(const FixedType& a, const FixedType& b, int extra_bits) {
  return make(a.width + b.width + extra_bits, a.integer + b.integer + extra_bits, a.is_signed || b.is_signed);
}

/// Holds a sum exactly.
FixedType sum(const FixedType& a, const FixedType& b) {
  const bool is_signed = a.is_signed || b.is_signed;
  const int integer =
      std::max(a.integer + (b.is_signed && !a.is_signed), b.integer + (a.is_signed && !b.is_signed)) + 1;
  return make(integer + std::max(a.fraction(), b.fraction()), integer, is_signed);
}

/// Holds the values of both.
FixedType common(const FixedType& a, const FixedType& b) {
  if (a == b) return a;
  const bool is_signed = a.is_signed || b.is_signed;
  const int integer = std::max(a.integer + (is_signed && !a.is_signed), b.integer + (is_signed && !b.is_signed));
  return make(integer + std::max(a.fraction(), b.fraction()), integer, is_signed);
}

class Inference {
 public:
  Inference(TypedModel& model, const HlsConfig& config) : model_(model), config_(config) {}

  void run() {
    for (TypedLayer& layer : model_.layers) {
      const auto input = [&](size_t i) { return *model_.find(layer.inputs[i])->type("result"); };
      if (layer.kind == "Dense") infer_dense(layer, input(0));
      if (layer.kind == "BatchNormalization" || layer.kind == "ApplyAlpha") infer_batch_norm(layer, input(0));
      if (layer.kind == "Reshape" || (layer.kind == "Transpose" && layer.wants("result")))
        layer.types["result"] = input(0);
      if ((layer.kind == "Merge" || layer.kind == "Concatenate") && layer.wants("result")) {
        FixedType so_far = input(0);
        for (size_t i = 1; i < layer.inputs.size(); ++i) {
          layer.kind == "Merge" ? infer_merge(layer, so_far, input(i)) : infer_concatenation(layer, so_far, input(i));
          so_far = *layer.type("result");
        }
        layer.types["result"] = so_far;
      }
      if (layer.kind == "ParametrizedActivation" && layer.wants("param")) infer_parameter(layer, input(0));
      if (layer.kind == "PReLU" && layer.wants("param")) layer.types["param"] = input(0);
      for (auto& [name, type] : layer.types) {
        if (!type.has_value()) type = default_type();
      }
    }
  }

 private:
  FixedType default_type() const {
    const PrecisionEntry entry = config_.default_precision();
    return entry.is_auto ? FixedType{} : entry.type;
  }

  FixedType bounded(FixedType type) const {
    if (const auto maximum = config_.maximum_precision()) {
      type.width = std::min(type.width, maximum->width);
      type.integer = std::min(type.integer, maximum->integer);
    }
    return type;
  }

  void close(TypedLayer& layer, const char* name) const {
    if (layer.wants(name)) layer.types[name] = default_type();
  }

  void infer_dense(TypedLayer& layer, const FixedType& in) const {
    close(layer, "weight");
    close(layer, "bias");
    const int64_t n_in = layer.weights["weight"].values.shape[0];
    FixedType exact = product(*layer.type("weight"), in, ceil_log2(n_in));
    exact = bounded(sum(exact, *layer.type("bias")));
    for (const char* name : {"accum", "result"}) {
      if (layer.wants(name)) layer.types[name] = exact;
    }
  }

  void infer_batch_norm(TypedLayer& layer, const FixedType& in) const {
    close(layer, "scale");
    close(layer, "bias");
    if (layer.wants("result"))
      layer.types["result"] = bounded(sum(product(in, *layer.type("scale"), 0), *layer.type("bias")));
  }

  void infer_merge(TypedLayer& layer, const FixedType& a, const FixedType& b) const {
    const std::string op = layer.text("op");
    if (op == "multiply") {
      layer.types["result"] = bounded(product(a, b, 0));
    } else if (op == "maximum" || op == "minimum") {
      layer.types["result"] = common(a, b);
    } else {
      FixedType type = sum(a, b);
      type.is_signed = type.is_signed || op == "subtract";
      layer.types["result"] = bounded(type);
    }
  }

  void infer_concatenation(TypedLayer& layer, const FixedType& a, const FixedType& b) const {
    FixedType type = common(a, b);
    if (!(a == b)) {
      type = bounded(type);
      type.rounding = a.rounding != model::Rounding::kTrn ? a.rounding : b.rounding;
      type.overflow = a.overflow != model::Overflow::kWrap ? a.overflow : b.overflow;
    }
    layer.types["result"] = type;
  }

  static void infer_parameter(TypedLayer& layer, const FixedType& in) {
    if (layer.text("activation") == "thresholdedrelu") {
      layer.types["param"] = in;
      return;
    }
    layer.types["param"] = constant_type(layer.real("parameter", 0));
  }

  /// The narrowest type of at most 8 bits and a sign that starts at the constant's first digit.
  static FixedType constant_type(double value) {
    if (value == 0) return FixedType::ufixed(1, 1);
    int exponent = 0;
    double mantissa = std::frexp(std::abs(static_cast<double>(static_cast<float>(value))), &exponent);
    int digits = 0;
    while (mantissa != 0 && digits < 8) {
      mantissa = mantissa * 2 - std::floor(mantissa * 2);
      ++digits;
    }
    const bool is_signed = value < 0;
    return make(digits + is_signed, exponent + is_signed, is_signed);
  }

  TypedModel& model_;
  const HlsConfig& config_;
};

}  // namespace

void infer_types(TypedModel& model, const HlsConfig& config) { Inference(model, config).run(); }

}  // namespace strobe::quantise
