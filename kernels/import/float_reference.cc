#include "kernels/import/float_reference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kernels/formula/formula.h"
#include "kernels/import/auto_scale.h"
#include "kernels/import/file_rules.h"
#include "kernels/import/float_arithmetic.h"
#include "kernels/import/forest_reference.h"

namespace strobe::import {
namespace {

using float_arithmetic::AffineWeights;
using float_arithmetic::elements;
using float_arithmetic::Shape;
using float_arithmetic::shape_text;

/// Values on their way through a layer.
struct Values {
  Shape shape;
  std::vector<float> data;
  bool is_constant = false;
};

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

class Evaluator {
 public:
  Evaluator(const FloatModel& model, size_t rows) : model_(model) { result_.rows = rows; }

  absl::StatusOr<FloatEvaluation> run(const std::vector<std::span<const double>>& inputs) {
    if (inputs.size() != model_.inputs.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the model has ", model_.inputs.size(), " inputs, found ", inputs.size()));
    }
    for (const FloatLayer& layer : model_.layers) {
      if (absl::Status s = add(layer, inputs); !s.ok()) {
        return absl::Status(s.code(), absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): ", s.message()));
      }
    }
    for (const FloatTensor& output : model_.outputs) {
      const auto found = step_of_.find(output.name);
      if (found == step_of_.end())
        return absl::InvalidArgumentError(absl::StrCat("output '", output.name, "' is never computed"));
      result_.outputs.push_back(found->second);
    }
    return std::move(result_);
  }

 private:
  absl::Status add(const FloatLayer& layer, const std::vector<std::span<const double>>& inputs) {
    if (layer.kind == "Input") return add_input(layer, inputs);
    std::vector<size_t> sources;
    for (const std::string& tensor : layer.inputs) {
      const auto found = step_of_.find(tensor);
      if (found == step_of_.end())
        return absl::InvalidArgumentError(absl::StrCat("reads '", tensor, "', which nothing computes"));
      sources.push_back(found->second);
    }
    if (layer.kind == "Constant") return add_constant(layer);
    if (sources.empty()) return absl::InvalidArgumentError("has no input");
    for (size_t i = 0; i < sources.size(); ++i) {
      if (absl::Status s = quantise_input(layer, i, sources); !s.ok()) return s;
    }
    if (layer.kind == "Forest") return add_forest(layer, sources[0]);
    // Dropout does nothing here, but leaves a step of its name for readers.
    auto values = compute(layer, sources);
    if (!values.ok()) return values.status();
    return finish(layer, *std::move(values), std::move(sources));
  }

  absl::Status add_input(const FloatLayer& layer, const std::vector<std::span<const double>>& inputs) {
    for (size_t i = 0; i < model_.inputs.size(); ++i) {
      if (layer.outputs.empty() || model_.inputs[i].name != layer.outputs[0]) continue;
      const size_t expected = result_.rows * static_cast<size_t>(elements(model_.inputs[i].shape));
      if (inputs[i].size() != expected) {
        return absl::InvalidArgumentError(
            absl::StrCat("expected ", expected, " numbers for ", result_.rows, " events, found ", inputs[i].size()));
      }
      const size_t step = keep(layer.name, {model_.inputs[i].shape, {inputs[i].begin(), inputs[i].end()}}, {}, &layer);
      exact_inputs_[step] = inputs[i];
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError("is none of the model's inputs");
  }

  absl::Status add_constant(const FloatLayer& layer) {
    const Array* value = layer.array("value");
    if (value == nullptr) return absl::InvalidArgumentError("has no value");
    keep(layer.name, {value->shape, {value->data.begin(), value->data.end()}, true}, {}, &layer);
    return absl::OkStatus();
  }

  /// Margins as the layer's step, and the framework's answers as a step "<layer>_probabilities".
  absl::Status add_forest(const FloatLayer& layer, size_t source) {
    const FloatStep& in = result_.steps[source];
    if (layer.forest == nullptr) return absl::InvalidArgumentError("has no forest");
    // LightGBM compares doubles: the model's inputs count as they came, not as float32.
    const auto exact = exact_inputs_.find(source);
    std::vector<double> computed;
    if (exact == exact_inputs_.end()) computed.assign(in.values.begin(), in.values.end());
    auto evaluation =
        evaluate_forest(*layer.forest, exact == exact_inputs_.end() ? computed : exact->second, result_.rows);
    if (!evaluation.ok()) return evaluation.status();
    std::vector<double>& values = evaluation->margins;
    const std::vector<int64_t> shape = {layer.forest->outputs};
    const size_t margins = keep(layer.name, {shape, {values.begin(), values.end()}}, {source}, &layer);
    if (layer.forest->post == PostTransform::kNone) return absl::OkStatus();
    apply_post_transform(*layer.forest, values);
    keep(layer.name + "_probabilities", {shape, {values.begin(), values.end()}}, {margins});
    return absl::OkStatus();
  }

  /// Adds a step. With `layer`, it is what the layer's readers read.
  size_t keep(std::string name, Values values, std::vector<size_t> inputs, const FloatLayer* layer = nullptr) {
    const size_t step = result_.steps.size();
    result_.steps.push_back(
        {std::move(name), std::move(values.shape), std::move(values.data), std::move(inputs), values.is_constant});
    if (layer != nullptr) {
      for (const std::string& tensor : layer->outputs) step_of_[tensor] = step;
    }
    return step;
  }

  static const Quantizer* quantizer(const FloatLayer& layer, std::string_view which) {
    const auto it = layer.quantizers.find(which);
    return it == layer.quantizers.end() ? nullptr : &it->second;
  }

  Values copy(size_t step) const {
    const FloatStep& from = result_.steps[step];
    return {from.shape, from.values, from.is_constant};
  }

  absl::Status quantise_input(const FloatLayer& layer, size_t i, std::vector<size_t>& sources) {
    const Quantizer* found = quantizer(layer, absl::StrCat("input_", i));
    if (found == nullptr && i == 0) found = quantizer(layer, "input");
    if (found == nullptr) return absl::OkStatus();
    Values values = copy(sources[i]);
    if (absl::Status s = float_arithmetic::quantise(*found, values.shape, values.data); !s.ok()) return s;
    const std::string suffix = sources.size() == 1 ? "_input" : absl::StrCat("_input_", i);
    sources[i] = keep(layer.name + suffix, std::move(values), {sources[i]});
    return absl::OkStatus();
  }

  /// The function and the quantisers behind a layer's own arithmetic, a step for each.
  absl::Status finish(const FloatLayer& layer, Values values, std::vector<size_t> sources) {
    const Quantizer* output = quantizer(layer, "output");
    const bool is_hgq = is_hgq_layer(layer);
    std::string last = layer.name;
    if (layer.kind == "Dense") {
      const std::string function = absl::AsciiStrToLower(layer.setting<std::string>("activation").value_or("linear"));
      const Quantizer* behind = quantizer(layer, "activation");
      if (function != "linear" || behind != nullptr) {
        const std::string sum = layer.name + (is_hgq ? "_sum" : has_trained_scale(layer) ? "_alpha" : "");
        sources = {keep(sum, values, std::move(sources))};
        if (absl::Status s = activate(layer, function, behind, values); !s.ok()) return s;
        if (!is_hgq) last = absl::StrCat(layer.name, "_", function);
      }
    }
    if (last == layer.name && has_trained_scale(layer)) last = layer.name + "_alpha";
    if (output != nullptr && is_hgq && layer.kind != "Quantizer") {
      sources = {keep(last, values, std::move(sources))};
      last = layer.name + "_output";
    }
    // An activation with its own quantiser was quantised as part of it.
    if (output != nullptr && (is_hgq || layer.kind != "Activation")) {
      if (absl::Status s = float_arithmetic::quantise(*output, values.shape, values.data); !s.ok()) return s;
    }
    keep(last, std::move(values), std::move(sources), &layer);
    return absl::OkStatus();
  }

  /// The graph has a layer of its own for the scale; the sum before it is not kept here.
  static bool has_trained_scale(const FloatLayer& layer) {
    const Quantizer* kernel = layer.kind == "Dense" ? quantizer(layer, "kernel") : nullptr;
    const auto* uniform = kernel == nullptr ? nullptr : std::get_if<UniformQuantizer>(kernel);
    return uniform != nullptr && is_auto_scaled_bits(*uniform);
  }

  static bool is_hgq_layer(const FloatLayer& layer) {
    return std::any_of(layer.quantizers.begin(), layer.quantizers.end(),
                       [](const auto& entry) { return std::holds_alternative<ElementQuantizer>(entry.second); });
  }

  absl::StatusOr<Values> compute(const FloatLayer& layer, const std::vector<size_t>& sources) {
    const std::string& kind = layer.kind;
    if (kind == "Formula") return formula(layer, sources[0]);
    if (kind == "Dense") return dense(layer, sources[0]);
    if (kind == "MatMul") return matmul(sources);
    if (kind == "BatchNormalization") return batch_norm(layer, sources[0]);
    if (kind == "Activation") return activation(layer, sources[0]);
    if (kind == "Quantizer" || kind == "Dropout") return copy(sources[0]);
    if (kind == "Flatten" || kind == "Reshape") return reshape(layer, sources[0]);
    if (kind == "Transpose") return transpose(layer, sources[0]);
    if (kind == "Concatenate") return concatenate(layer, sources);
    static const std::vector<std::string> kMerges = {"Add",     "Subtract", "Multiply", "Divide",
                                                     "Maximum", "Minimum",  "Average",  "AveragePow2"};
    if (std::find(kMerges.begin(), kMerges.end(), kind) != kMerges.end()) return merge(kind, sources);
    return absl::UnimplementedError(absl::StrCat("kind '", kind, "' in floating point"));
  }

  /// In double precision throughout; only the results become float32.
  absl::StatusOr<Values> formula(const FloatLayer& layer, size_t source) const {
    const FloatStep& in = result_.steps[source];
    if (layer.formula == nullptr) return absl::InvalidArgumentError("has no formula");
    const size_t n_in = layer.formula->inputs.size(), n_out = layer.formula->outputs.size();
    if (in.values.size() != n_in * result_.rows) return absl::InvalidArgumentError("its input has another size");
    Values out{{static_cast<int64_t>(n_out)}, {}, false};
    std::vector<double> x(n_in), y(n_out);
    for (size_t r = 0; r < result_.rows; ++r) {
      std::copy_n(in.values.begin() + static_cast<std::ptrdiff_t>(r * n_in), n_in, x.begin());
      formula::evaluate(*layer.formula, x, y);
      out.data.insert(out.data.end(), y.begin(), y.end());
    }
    return out;
  }

  /// Rows along the last axis times a matrix [n_in, n_out].
  static absl::StatusOr<Values> times_matrix(const FloatStep& in, std::span<const float> matrix, int64_t n_in,
                                             int64_t n_out, const std::vector<float>& bias) {
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

  absl::StatusOr<Values> dense(const FloatLayer& layer, size_t source) const {
    auto weights = float_arithmetic::dense_weights(layer);
    if (!weights.ok()) return weights.status();
    const Shape& kernel = layer.array("kernel")->shape;
    return times_matrix(result_.steps[source], weights->kernel, kernel[0], kernel[1], weights->bias);
  }

  absl::StatusOr<Values> matmul(const std::vector<size_t>& sources) const {
    const FloatStep& matrix = result_.steps[sources.back()];
    if (sources.size() != 2 || !matrix.is_constant || matrix.shape.size() != 2) {
      return absl::UnimplementedError("a product that is not a tensor by a constant matrix, in floating point");
    }
    return times_matrix(result_.steps[sources[0]], matrix.values, matrix.shape[0], matrix.shape[1],
                        std::vector<float>(static_cast<size_t>(matrix.shape[1]), 0.0F));
  }

  absl::StatusOr<Values> batch_norm(const FloatLayer& layer, size_t source) const {
    auto weights = float_arithmetic::batch_norm_weights(layer);
    if (!weights.ok()) return weights.status();
    Values values = copy(source);
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

  absl::StatusOr<Values> activation(const FloatLayer& layer, size_t source) const {
    Values values = copy(source);
    const std::string function = absl::AsciiStrToLower(layer.setting<std::string>("activation").value_or("linear"));
    const Quantizer* behind = is_hgq_layer(layer) ? nullptr : quantizer(layer, "output");
    if (absl::Status s = activate(layer, function, behind, values); !s.ok()) return s;
    return values;
  }

  static bool is_step_quantizer(const Quantizer* quantizer) {
    const auto* uniform = quantizer == nullptr ? nullptr : std::get_if<UniformQuantizer>(quantizer);
    return uniform != nullptr &&
           (uniform->kind == UniformQuantizer::Kind::kBinary || uniform->kind == UniformQuantizer::Kind::kTernary);
  }

  /// Applies a function, then the quantiser that it was trained with. A binary or ternary quantiser is the function
  /// itself.
  static absl::Status activate(const FloatLayer& layer, const std::string& function, const Quantizer* behind,
                               Values& values) {
    if (function == "softmax") {
      auto axis = event_axis(layer, values.shape);
      if (!axis.ok()) return axis.status();
      if (absl::Status s = float_arithmetic::softmax(layer, values.shape, *axis, values.data); !s.ok()) return s;
    } else if (function == "prelu") {
      if (absl::Status s = prelu(layer, values); !s.ok()) return s;
    } else if (!is_step_quantizer(behind)) {
      auto apply = float_arithmetic::scalar_function(layer, function);
      if (!apply.ok()) return apply.status();
      for (float& v : values.data) v = static_cast<float>((*apply)(v));
    }
    return behind == nullptr ? absl::OkStatus() : float_arithmetic::quantise(*behind, values.shape, values.data);
  }

  static absl::Status prelu(const FloatLayer& layer, Values& values) {
    const Array* alpha = layer.array("alpha");
    if (alpha == nullptr) return absl::InvalidArgumentError("has no alpha");
    auto slope_at = float_arithmetic::broadcast(alpha->shape, values.shape);
    if (!slope_at.ok()) return slope_at.status();
    for (size_t e = 0; e < values.data.size(); ++e) {
      const double slope = alpha->data[(*slope_at)[e % slope_at->size()]];
      if (values.data[e] < 0) values.data[e] = static_cast<float>(slope * values.data[e]);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Values> reshape(const FloatLayer& layer, size_t source) const {
    Values values = copy(source);
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

  absl::StatusOr<Values> transpose(const FloatLayer& layer, size_t source) const {
    const FloatStep& in = result_.steps[source];
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

  absl::StatusOr<Values> concatenate(const FloatLayer& layer, const std::vector<size_t>& sources) const {
    Values out = {result_.steps[sources[0]].shape, {}, false};
    auto axis = event_axis(layer, out.shape);
    if (!axis.ok()) return axis.status();
    out.shape[*axis] = 0;
    for (const size_t source : sources) {
      const FloatStep& in = result_.steps[source];
      Shape rest = in.shape;
      if (in.is_constant || rest.size() != out.shape.size())
        return absl::UnimplementedError("joins a constant or tensors of different ranks");
      out.shape[*axis] += std::exchange(rest[*axis], out.shape[*axis]);
      rest[*axis] = out.shape[*axis];
      if (rest != out.shape)
        return absl::InvalidArgumentError(
            absl::StrCat("cannot join ", shape_text(out.shape), " and ", shape_text(in.shape)));
    }
    size_t outer = result_.rows;
    for (size_t a = 0; a < *axis; ++a) outer *= static_cast<size_t>(out.shape[a]);
    for (size_t o = 0; o < outer; ++o) {
      for (const size_t source : sources) {
        const auto& values = result_.steps[source].values;
        const auto block = static_cast<std::ptrdiff_t>(values.size() / outer);
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(o) * block;
        out.data.insert(out.data.end(), first, first + block);
      }
    }
    return out;
  }

  /// Combines from left to right. HGQ2's average divides by the nearest power of two.
  absl::StatusOr<Values> merge(const std::string& kind, const std::vector<size_t>& sources) const {
    Values out = copy(sources[0]);
    for (size_t i = 1; i < sources.size(); ++i) {
      auto merged = merge_two(kind, out, result_.steps[sources[i]]);
      if (!merged.ok()) return merged.status();
      out = *std::move(merged);
    }
    const auto count = static_cast<double>(sources.size());
    if (kind == "Average") {
      for (float& v : out.data) v = static_cast<float>(v / count);
    } else if (kind == "AveragePow2") {
      const int shift = static_cast<int>(std::nearbyint(std::log2(1 / count)));
      for (float& v : out.data) v = std::ldexp(v, shift);
    }
    return out;
  }

  absl::StatusOr<Values> merge_two(const std::string& kind, const Values& a, const FloatStep& b) const {
    // A constant's leading 1 stands for the batch axis.
    auto shape = a.is_constant && !b.is_constant ? event_shape(b.shape, a.shape) : event_shape(a.shape, b.shape);
    if (!shape.ok()) return shape.status();
    auto a_at = float_arithmetic::broadcast(a.shape, *shape);
    auto b_at = float_arithmetic::broadcast(b.shape, *shape);
    if (!a_at.ok()) return a_at.status();
    if (!b_at.ok()) return b_at.status();
    Values out{*shape, {}, a.is_constant && b.is_constant};
    const size_t rows = out.is_constant ? 1 : result_.rows;
    const size_t a_row = a.is_constant ? 0 : static_cast<size_t>(elements(a.shape));
    const size_t b_row = b.is_constant ? 0 : static_cast<size_t>(elements(b.shape));
    out.data.reserve(rows * a_at->size());
    for (size_t r = 0; r < rows; ++r) {
      for (size_t e = 0; e < a_at->size(); ++e) {
        out.data.push_back(combine(kind, a.data[r * a_row + (*a_at)[e]], b.values[r * b_row + (*b_at)[e]]));
      }
    }
    return out;
  }

  /// The broadcast shape where the second may have one leading extent of 1 too many.
  static absl::StatusOr<Shape> event_shape(const Shape& first, Shape second) {
    while (second.size() > first.size() && second.front() == 1) second.erase(second.begin());
    return float_arithmetic::broadcast_shape(first, second);
  }

  const FloatModel& model_;
  FloatEvaluation result_;
  std::map<std::string, size_t> step_of_;
  std::map<size_t, std::span<const double>> exact_inputs_;  ///< of the steps that are the model's inputs
};

}  // namespace

const FloatStep* FloatEvaluation::find(std::string_view name) const {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const FloatStep& step) { return step.name == name; });
  return found == steps.end() ? nullptr : &*found;
}

absl::StatusOr<FloatEvaluation> evaluate_float(const FloatModel& model,
                                               const std::vector<std::span<const double>>& inputs, size_t rows) {
  return Evaluator(model, rows).run(inputs);
}

}  // namespace strobe::import
