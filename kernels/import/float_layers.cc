#include "kernels/import/float_layers.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kernels/formula/formula.h"
#include "kernels/import/file_rules.h"

namespace strobe::import::float_arithmetic {
namespace {

using Inputs = std::vector<const FloatStep*>;

absl::StatusOr<size_t> event_axis(const FloatLayer& layer, const Shape& shape) {
  if (const auto axis = import::event_axis(layer, shape.size())) return *axis;
  return absl::InvalidArgumentError(
      absl::StrCat("axis ", layer.setting<int64_t>("axis").value_or(-1), " is none of ", shape_text(shape)));
}

float combine(const std::string& kind, float a, float b) {
  if (kind == "Subtract") return a - b;
  if (kind == "Multiply") return a * b;
  if (kind == "Divide") return a / b;
  if (kind == "Maximum") return std::max(a, b);
  if (kind == "Minimum") return std::min(a, b);
  return a + b;
}

/// In double precision throughout; only the results become float32.
absl::StatusOr<Values> formula(const FloatLayer& layer, const FloatStep& in, size_t rows) {
  if (layer.formula == nullptr) return absl::InvalidArgumentError("has no formula");
  const size_t n_in = layer.formula->inputs.size(), n_out = layer.formula->outputs.size();
  if (in.values.size() != n_in * rows) return absl::InvalidArgumentError("its input has another size");
  Values out{{static_cast<int64_t>(n_out)}, {}, false};
  std::vector<double> x(n_in), y(n_out);
  for (size_t r = 0; r < rows; ++r) {
    std::copy_n(in.values.begin() + static_cast<std::ptrdiff_t>(r * n_in), n_in, x.begin());
    formula::evaluate(*layer.formula, x, y);
    out.data.insert(out.data.end(), y.begin(), y.end());
  }
  return out;
}

/// Rows along the last axis times a matrix [n_in, n_out].
absl::StatusOr<Values> times_matrix(const FloatStep& in, std::span<const float> matrix, int64_t n_in, int64_t n_out,
                                    const std::vector<float>& bias) {
  if (in.shape.empty() || in.shape.back() != n_in) {
    return absl::InvalidArgumentError(
        absl::StrCat("weights are ", n_in, "x", n_out, ", input is ", shape_text(in.shape)));
  }
  Values out{in.shape, {}, in.is_constant};
  out.shape.back() = n_out;
  const size_t lines = in.values.size() / static_cast<size_t>(n_in);
  const auto columns = static_cast<size_t>(n_out);
  out.data.reserve(lines * columns);
  std::vector<double> sums(columns);
  for (size_t line = 0; line < lines; ++line) {
    std::copy(bias.begin(), bias.end(), sums.begin());
    const float* x = in.values.data() + line * static_cast<size_t>(n_in);
    for (size_t i = 0; i < static_cast<size_t>(n_in); ++i) {
      const float* weights = matrix.data() + i * columns;
      for (size_t j = 0; j < columns; ++j) sums[j] += static_cast<double>(x[i]) * weights[j];
    }
    out.data.insert(out.data.end(), sums.begin(), sums.end());
  }
  return out;
}

absl::StatusOr<Values> dense(const FloatLayer& layer, const FloatStep& in) {
  auto weights = dense_weights(layer);
  if (!weights.ok()) return weights.status();
  const Shape& kernel = layer.array("kernel")->shape;
  return times_matrix(in, weights->kernel, kernel[0], kernel[1], weights->bias);
}

absl::StatusOr<Values> matmul(const Inputs& in) {
  const FloatStep& matrix = *in.back();
  if (in.size() != 2 || !matrix.is_constant || matrix.shape.size() != 2) {
    return absl::UnimplementedError("a product that is not a tensor by a constant matrix, in floating point");
  }
  return times_matrix(*in[0], matrix.values, matrix.shape[0], matrix.shape[1],
                      std::vector<float>(static_cast<size_t>(matrix.shape[1]), 0.0F));
}

absl::StatusOr<Values> batch_norm(const FloatLayer& layer, const FloatStep& in) {
  auto weights = batch_norm_weights(layer);
  if (!weights.ok()) return weights.status();
  Values values = copy(in);
  auto axis = event_axis(layer, values.shape);
  if (!axis.ok()) return axis.status();
  const auto channels = static_cast<size_t>(values.shape[*axis]);
  if (weights->kernel.size() != channels) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", weights->kernel.size(), " channels, its input is ", shape_text(values.shape)));
  }
  size_t stride = 1;
  for (size_t a = *axis + 1; a < values.shape.size(); ++a) stride *= static_cast<size_t>(values.shape[a]);
  for (size_t e = 0; e < values.data.size(); ++e) {
    const size_t c = e / stride % channels;
    values.data[e] = static_cast<float>(static_cast<double>(values.data[e]) * weights->kernel[c] + weights->bias[c]);
  }
  return values;
}

bool is_step_quantizer(const Quantizer* quantizer) {
  const auto* uniform = quantizer == nullptr ? nullptr : std::get_if<UniformQuantizer>(quantizer);
  return uniform != nullptr &&
         (uniform->kind == UniformQuantizer::Kind::kBinary || uniform->kind == UniformQuantizer::Kind::kTernary);
}

absl::Status prelu(const FloatLayer& layer, Values& values) {
  const Array* alpha = layer.array("alpha");
  if (alpha == nullptr) return absl::InvalidArgumentError("has no alpha");
  auto slope_at = broadcast(alpha->shape, values.shape);
  if (!slope_at.ok()) return slope_at.status();
  for (size_t e = 0; e < values.data.size(); ++e) {
    const double slope = alpha->data[(*slope_at)[e % slope_at->size()]];
    if (values.data[e] < 0) values.data[e] = static_cast<float>(slope * values.data[e]);
  }
  return absl::OkStatus();
}

absl::StatusOr<Values> activation(const FloatLayer& layer, const FloatStep& in) {
  Values values = copy(in);
  const std::string function = absl::AsciiStrToLower(layer.setting<std::string>("activation").value_or("linear"));
  const Quantizer* behind = is_hgq_layer(layer) ? nullptr : quantizer_of(layer, "output");
  if (absl::Status s = activate(layer, function, behind, values); !s.ok()) return s;
  return values;
}

absl::StatusOr<Values> reshape(const FloatLayer& layer, const FloatStep& in) {
  Values values = copy(in);
  const int64_t count = elements(values.shape);
  Shape target = layer.setting<std::vector<int64_t>>("target_shape").value_or(Shape{count});
  int64_t known = 1;
  for (const int64_t extent : target) known *= extent > 0 ? extent : 1;
  for (int64_t& extent : target) extent = extent < 0 ? count / known : extent;
  if (elements(target) != count)
    return absl::InvalidArgumentError(
        absl::StrCat("cannot make ", shape_text(target), " of ", shape_text(values.shape)));
  values.shape = std::move(target);
  return values;
}

absl::StatusOr<Values> transpose(const FloatLayer& layer, const FloatStep& in) {
  const Shape permutation = layer.setting<std::vector<int64_t>>("permutation").value_or(Shape{});
  Shape sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  for (size_t a = 0; a < in.shape.size(); ++a) {
    if (sorted.size() != in.shape.size() || sorted[a] != static_cast<int64_t>(a)) {
      return absl::InvalidArgumentError(
          absl::StrCat("permutation ", shape_text(permutation), " does not fit ", shape_text(in.shape)));
    }
  }
  Values out{{}, std::vector<float>(in.values.size()), in.is_constant};
  for (const int64_t axis : permutation) out.shape.push_back(in.shape[static_cast<size_t>(axis)]);
  const auto count = static_cast<size_t>(elements(out.shape));
  std::vector<size_t> source_at(count, 0);
  size_t stride = 1;
  for (size_t a = permutation.size(); a-- > 0;) {
    size_t in_stride = 1;
    for (size_t b = static_cast<size_t>(permutation[a]) + 1; b < in.shape.size(); ++b)
      in_stride *= static_cast<size_t>(in.shape[b]);
    const auto extent = static_cast<size_t>(out.shape[a]);
    for (size_t e = 0; e < count; ++e) source_at[e] += e / stride % extent * in_stride;
    stride *= extent;
  }
  for (size_t e = 0; e < out.data.size(); ++e) out.data[e] = in.values[e / count * count + source_at[e % count]];
  return out;
}

absl::StatusOr<Values> concatenate(const FloatLayer& layer, const Inputs& inputs, size_t rows) {
  Values out = {inputs[0]->shape, {}, false};
  auto axis = event_axis(layer, out.shape);
  if (!axis.ok()) return axis.status();
  out.shape[*axis] = 0;
  for (const FloatStep* in : inputs) {
    Shape rest = in->shape;
    if (in->is_constant || rest.size() != out.shape.size())
      return absl::UnimplementedError("joins a constant or tensors of different ranks");
    out.shape[*axis] += std::exchange(rest[*axis], out.shape[*axis]);
    rest[*axis] = out.shape[*axis];
    if (rest != out.shape)
      return absl::InvalidArgumentError(
          absl::StrCat("cannot join ", shape_text(out.shape), " and ", shape_text(in->shape)));
  }
  size_t outer = rows;
  for (size_t a = 0; a < *axis; ++a) outer *= static_cast<size_t>(out.shape[a]);
  for (size_t o = 0; o < outer; ++o) {
    for (const FloatStep* in : inputs) {
      const auto& values = in->values;
      const auto block = static_cast<std::ptrdiff_t>(values.size() / outer);
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(o) * block;
      out.data.insert(out.data.end(), first, first + block);
    }
  }
  return out;
}

/// The broadcast shape where the second may have one leading extent of 1 too many.
absl::StatusOr<Shape> event_shape(const Shape& first, Shape second) {
  while (second.size() > first.size() && second.front() == 1) second.erase(second.begin());
  return broadcast_shape(first, second);
}

absl::StatusOr<Values> merge_two(const std::string& kind, const Values& a, const FloatStep& b, size_t rows) {
  // A constant's leading 1 stands for the batch axis.
  auto shape = a.is_constant && !b.is_constant ? event_shape(b.shape, a.shape) : event_shape(a.shape, b.shape);
  if (!shape.ok()) return shape.status();
  auto a_at = broadcast(a.shape, *shape);
  auto b_at = broadcast(b.shape, *shape);
  if (!a_at.ok()) return a_at.status();
  if (!b_at.ok()) return b_at.status();
  Values out{*shape, {}, a.is_constant && b.is_constant};
  const size_t out_rows = out.is_constant ? 1 : rows;
  const size_t a_row = a.is_constant ? 0 : static_cast<size_t>(elements(a.shape));
  const size_t b_row = b.is_constant ? 0 : static_cast<size_t>(elements(b.shape));
  out.data.reserve(out_rows * a_at->size());
  for (size_t r = 0; r < out_rows; ++r) {
    for (size_t e = 0; e < a_at->size(); ++e) {
      out.data.push_back(combine(kind, a.data[r * a_row + (*a_at)[e]], b.values[r * b_row + (*b_at)[e]]));
    }
  }
  return out;
}

/// Combines from left to right. HGQ2's average divides by the nearest power of two.
absl::StatusOr<Values> merge(const std::string& kind, const Inputs& in, size_t rows) {
  Values out = copy(*in[0]);
  for (size_t i = 1; i < in.size(); ++i) {
    auto merged = merge_two(kind, out, *in[i], rows);
    if (!merged.ok()) return merged.status();
    out = *std::move(merged);
  }
  const auto count = static_cast<double>(in.size());
  if (kind == "Average") {
    for (float& v : out.data) v = static_cast<float>(v / count);
  } else if (kind == "AveragePow2") {
    const int shift = static_cast<int>(std::nearbyint(std::log2(1 / count)));
    for (float& v : out.data) v = std::ldexp(v, shift);
  }
  return out;
}

}  // namespace

const Quantizer* quantizer_of(const FloatLayer& layer, std::string_view which) {
  const auto it = layer.quantizers.find(which);
  return it == layer.quantizers.end() ? nullptr : &it->second;
}

bool is_hgq_layer(const FloatLayer& layer) {
  return std::any_of(layer.quantizers.begin(), layer.quantizers.end(),
                     [](const auto& entry) { return std::holds_alternative<ElementQuantizer>(entry.second); });
}

Values copy(const FloatStep& step) { return {step.shape, step.values, step.is_constant}; }

absl::Status activate(const FloatLayer& layer, const std::string& function, const Quantizer* behind, Values& values) {
  if (function == "softmax") {
    auto axis = event_axis(layer, values.shape);
    if (!axis.ok()) return axis.status();
    if (absl::Status s = softmax(layer, values.shape, *axis, values.data); !s.ok()) return s;
  } else if (function == "prelu") {
    if (absl::Status s = prelu(layer, values); !s.ok()) return s;
  } else if (!is_step_quantizer(behind)) {
    auto apply = scalar_function(layer, function);
    if (!apply.ok()) return apply.status();
    for (float& v : values.data) v = static_cast<float>((*apply)(v));
  }
  return behind == nullptr ? absl::OkStatus() : quantise(*behind, values.shape, values.data);
}

absl::StatusOr<Values> compute(const FloatLayer& layer, const Inputs& in, size_t rows) {
  const std::string& kind = layer.kind;
  if (kind == "Formula") return formula(layer, *in[0], rows);
  if (kind == "Dense") return dense(layer, *in[0]);
  if (kind == "MatMul") return matmul(in);
  if (kind == "BatchNormalization") return batch_norm(layer, *in[0]);
  if (kind == "Activation") return activation(layer, *in[0]);
  if (kind == "Quantizer" || kind == "Dropout") return copy(*in[0]);
  if (kind == "Flatten" || kind == "Reshape") return reshape(layer, *in[0]);
  if (kind == "Transpose") return transpose(layer, *in[0]);
  if (kind == "Concatenate") return concatenate(layer, in, rows);
  static const std::vector<std::string> kMerges = {"Add",     "Subtract", "Multiply", "Divide",
                                                   "Maximum", "Minimum",  "Average",  "AveragePow2"};
  if (std::find(kMerges.begin(), kMerges.end(), kind) != kMerges.end()) return merge(kind, in, rows);
  return absl::UnimplementedError(absl::StrCat("kind '", kind, "' in floating point"));
}

}  // namespace strobe::import::float_arithmetic
