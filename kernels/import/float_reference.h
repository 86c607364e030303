#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"

namespace strobe::import {

/// What one layer (or a part of one) gave. A layer with an activation inside gives two steps, one that quantises its
/// input or output one more each, named as the graph names the nodes for them: "fc1" and "fc1_relu"; in HGQ2 networks
/// "fc1_input", "fc1_sum", "fc1", "fc1_output".
struct FloatStep {
  std::string name;
  std::vector<int64_t> shape;  ///< of one event; of a constant, its own
  std::vector<float> values;   ///< rows x elements; of a constant, its elements once
  std::vector<size_t> inputs;  ///< the steps that it read
  bool is_constant = false;
};

struct FloatEvaluation {
  size_t rows = 0;
  std::vector<FloatStep> steps;  ///< in the order of the layers
  std::vector<size_t> outputs;   ///< the step of each of the model's outputs

  const FloatStep& output(size_t i) const { return steps[outputs[i]]; }
  const FloatStep* find(std::string_view name) const;
};

/// Evaluates a trained model in floating point, as its framework does: values are float32, sums are kept in double and
/// rounded once, and the quantisers that a network was trained with (QKeras, QONNX, HGQ2) are applied, since they are
/// part of it.
///
/// `inputs[i]` holds the model's i-th input, rows x elements, row-major. Every layer's values are kept.
/// Errors: InvalidArgument for inputs of the wrong size or arrays that do not fit, Unimplemented for a layer, function
/// or quantiser that it does not know; each names the layer.
absl::StatusOr<FloatEvaluation> evaluate_float(const FloatModel& model,
                                               const std::vector<std::span<const double>>& inputs, size_t rows);

}  // namespace strobe::import
