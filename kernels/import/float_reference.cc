#include "kernels/import/float_reference.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/auto_scale.h"
#include "kernels/import/float_arithmetic.h"
#include "kernels/import/float_layers.h"
#include "kernels/import/forest_reference.h"

namespace strobe::import {
namespace {

using float_arithmetic::elements;
using float_arithmetic::is_hgq_layer;
using float_arithmetic::quantizer_of;
using float_arithmetic::Values;

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
    std::vector<const FloatStep*> in;
    for (const size_t source : sources) in.push_back(&result_.steps[source]);
    auto values = float_arithmetic::compute(layer, in, result_.rows);
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

  absl::Status quantise_input(const FloatLayer& layer, size_t i, std::vector<size_t>& sources) {
    const Quantizer* found = quantizer_of(layer, absl::StrCat("input_", i));
    if (found == nullptr && i == 0) found = quantizer_of(layer, "input");
    if (found == nullptr) return absl::OkStatus();
    Values values = float_arithmetic::copy(result_.steps[sources[i]]);
    if (absl::Status s = float_arithmetic::quantise(*found, values.shape, values.data); !s.ok()) return s;
    const std::string suffix = sources.size() == 1 ? "_input" : absl::StrCat("_input_", i);
    sources[i] = keep(layer.name + suffix, std::move(values), {sources[i]});
    return absl::OkStatus();
  }

  /// The function and the quantisers behind a layer's own arithmetic, a step for each.
  absl::Status finish(const FloatLayer& layer, Values values, std::vector<size_t> sources) {
    const Quantizer* output = quantizer_of(layer, "output");
    const bool is_hgq = is_hgq_layer(layer);
    std::string last = layer.name;
    if (layer.kind == "Dense") {
      const std::string function = absl::AsciiStrToLower(layer.setting<std::string>("activation").value_or("linear"));
      const Quantizer* behind = quantizer_of(layer, "activation");
      if (function != "linear" || behind != nullptr) {
        const std::string sum = layer.name + (is_hgq ? "_sum" : has_trained_scale(layer) ? "_alpha" : "");
        sources = {keep(sum, values, std::move(sources))};
        if (absl::Status s = float_arithmetic::activate(layer, function, behind, values); !s.ok()) return s;
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
    const Quantizer* kernel = layer.kind == "Dense" ? quantizer_of(layer, "kernel") : nullptr;
    const auto* uniform = kernel == nullptr ? nullptr : std::get_if<UniformQuantizer>(kernel);
    return uniform != nullptr && is_auto_scaled_bits(*uniform);
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
