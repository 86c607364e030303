#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "kernels/import/float_arithmetic.h"

namespace strobe::import::float_arithmetic {
namespace {

using Function = std::function<double(double)>;

constexpr double kSeluAlpha = 1.6732632423543772;
constexpr double kSeluScale = 1.0507009873554805;

double real(const FloatLayer& layer, std::initializer_list<const char*> keys, double fallback) {
  for (const char* key : keys) {
    if (const auto value = layer.setting<double>(key)) return *value;
    if (const auto whole = layer.setting<int64_t>(key)) return static_cast<double>(*whole);
  }
  return fallback;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double gelu(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double hard_silu(double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }
double softsign(double x) { return x / (1 + std::abs(x)); }
double identity(double x) { return x; }

/// Keras' ReLU with all its settings: slope below the threshold, a ceiling above.
Function rectifier(const FloatLayer& layer, double slope) {
  const double threshold = real(layer, {"threshold"}, 0);
  const double ceiling = real(layer, {"max_value"}, std::numeric_limits<double>::infinity());
  return [=](double x) { return x >= threshold ? std::min(x, ceiling) : slope * (x - threshold); };
}

Function hard_sigmoid(const FloatLayer& layer) {
  const double slope = real(layer, {"slope", "alpha"}, 0.2), shift = real(layer, {"shift", "beta"}, 0.5);
  return [=](double x) { return std::clamp(slope * x + shift, 0.0, 1.0); };
}

Function exponential_below_zero(double alpha, double scale) {
  return [=](double x) { return scale * (x > 0 ? x : alpha * std::expm1(x)); };
}

Function clip(const FloatLayer& layer) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double low = real(layer, {"min_value"}, -kInfinity), high = real(layer, {"max_value"}, kInfinity);
  return [=](double x) { return std::clamp(x, low, high); };
}

struct SoftmaxTables {
  const Quantizer *exp_input = nullptr, *exp_output = nullptr, *inverse_input = nullptr, *inverse_output = nullptr;
};

SoftmaxTables tables_of(const FloatLayer& layer) {
  const auto find = [&](const char* name) {
    const auto it = layer.quantizers.find(name);
    return it == layer.quantizers.end() ? nullptr : &it->second;
  };
  return {find("exp_input"), find("exp_output"), find("inverse_input"), find("inverse_output")};
}

absl::Status through(const Quantizer* quantizer, const Shape& shape, std::span<float> values) {
  return quantizer == nullptr ? absl::OkStatus() : quantise(*quantizer, shape, values);
}

/// One softmax's elements: event by event, line by line along the axis.
template <typename Visit>
void for_each_line(const Shape& shape, size_t axis, std::span<float> values, Visit visit) {
  const auto extent = static_cast<size_t>(shape[axis]);
  size_t stride = 1;
  for (size_t a = axis + 1; a < shape.size(); ++a) stride *= static_cast<size_t>(shape[a]);
  for (size_t block = 0; block < values.size(); block += extent * stride) {
    for (size_t inner = 0; inner < stride; ++inner) visit(values.data() + block + inner, extent, stride);
  }
}

void plain_softmax(float* line, size_t extent, size_t stride) {
  double largest = line[0];
  for (size_t i = 1; i < extent; ++i) largest = std::max<double>(largest, line[i * stride]);
  double sum = 0;
  for (size_t i = 0; i < extent; ++i) sum += std::exp(line[i * stride] - largest);
  for (size_t i = 0; i < extent; ++i) line[i * stride] = static_cast<float>(std::exp(line[i * stride] - largest) / sum);
}

/// HGQ2's QSoftmax, whose exponential and inverse are tables with quantisers in front of and behind them.
absl::Status table_softmax(const FloatLayer& layer, const SoftmaxTables& tables, const Shape& shape, size_t axis,
                           std::span<float> values) {
  const bool stable = layer.setting<bool>("stable").value_or(true);
  const double scale = real(layer, {"scale"}, 1);
  if (stable) {
    for_each_line(shape, axis, values, [](float* line, size_t extent, size_t stride) {
      float largest = line[0];
      for (size_t i = 1; i < extent; ++i) largest = std::max(largest, line[i * stride]);
      for (size_t i = 0; i < extent; ++i) line[i * stride] = largest - line[i * stride];
    });
  }
  if (absl::Status s = through(tables.exp_input, shape, values); !s.ok()) return s;
  for (float& v : values) v = static_cast<float>(std::exp(stable ? -scale * v : scale * v));
  if (absl::Status s = through(tables.exp_output, shape, values); !s.ok()) return s;
  Shape sums_shape = shape;
  sums_shape[axis] = 1;
  std::vector<float> sums;
  for_each_line(shape, axis, values, [&](const float* line, size_t extent, size_t stride) {
    double sum = 0;
    for (size_t i = 0; i < extent; ++i) sum += line[i * stride];
    sums.push_back(static_cast<float>(sum));
  });
  if (absl::Status s = through(tables.inverse_input, sums_shape, sums); !s.ok()) return s;
  for (float& v : sums) v = 1.0F / (v + 1e-7F);
  if (absl::Status s = through(tables.inverse_output, sums_shape, sums); !s.ok()) return s;
  size_t next = 0;
  for_each_line(shape, axis, values, [&](float* line, size_t extent, size_t stride) {
    for (size_t i = 0; i < extent; ++i) line[i * stride] *= sums[next];
    ++next;
  });
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Function> scalar_function(const FloatLayer& layer, const std::string& name) {
  if (name == "linear") return Function(identity);
  if (name == "relu") return rectifier(layer, 0);
  if (name == "relu6") return Function([](double x) { return std::clamp(x, 0.0, 6.0); });
  if (name == "leaky_relu" || name == "leakyrelu")
    return rectifier(layer, real(layer, {"alpha", "negative_slope"}, 0.3));
  if (name == "thresholded_relu" || name == "thresholdedrelu") {
    const double threshold = real(layer, {"threshold", "theta"}, 1);
    return Function([=](double x) { return x > threshold ? x : 0.0; });
  }
  if (name == "clip") return clip(layer);
  if (name == "elu") return exponential_below_zero(real(layer, {"alpha"}, 1), 1);
  if (name == "selu")
    return exponential_below_zero(real(layer, {"alpha"}, kSeluAlpha), real(layer, {"gamma"}, kSeluScale));
  if (name == "sigmoid") return Function(sigmoid);
  if (name == "hard_sigmoid") return hard_sigmoid(layer);
  if (name == "hard_tanh") return Function([](double x) { return std::clamp(x, -1.0, 1.0); });
  if (name == "tanh") return Function([](double x) { return std::tanh(x); });
  if (name == "softplus") return Function(softplus);
  if (name == "softsign") return Function(softsign);
  if (name == "silu") return Function([](double x) { return x * sigmoid(x); });
  if (name == "gelu") return Function(gelu);
  if (name == "exponential") return Function([](double x) { return std::exp(x); });
  if (name == "hard_silu") return Function(hard_silu);
  if (name == "binary_tanh") return Function([](double x) { return x > 0 ? 1.0 : -1.0; });
  if (name == "ternary_tanh") return Function([](double x) { return x > 0.5 ? 1.0 : x <= -0.5 ? -1.0 : 0.0; });
  return absl::UnimplementedError(absl::StrCat("the function '", name, "' in floating point"));
}

absl::Status softmax(const FloatLayer& layer, const Shape& shape, size_t axis, std::span<float> values) {
  const SoftmaxTables tables = tables_of(layer);
  if (tables.exp_output != nullptr || tables.inverse_output != nullptr)
    return table_softmax(layer, tables, shape, axis, values);
  for_each_line(shape, axis, values, plain_softmax);
  return absl::OkStatus();
}

}  // namespace strobe::import::float_arithmetic
