#pragma once

#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/model/graph.h"

namespace strobe::layers {

/// What the reference evaluation of a batch gave.
struct Evaluation {
  /// Per graph output: raw values, rows x elements, row-major.
  std::vector<std::vector<int64_t>> outputs;
  /// Per tensor of the graph, when asked for: raw values, rows x elements.
  std::vector<std::vector<int64_t>> tensors;
  /// Per node: values changed by more than rounding.
  std::vector<model::OverflowCount> overflow;
};

/// Evaluates a verified graph, one event after the other, by each layer's definition: slow, and what everything else
/// must equal. `inputs[i]` holds the i-th graph input's raw values, rows x elements. Errors: InvalidArgument for a
/// wrong number of values or a value outside its type, naming the tensor, row and element.
absl::StatusOr<Evaluation> evaluate_reference(const model::Graph& graph,
                                              const std::vector<std::span<const int64_t>>& inputs, size_t rows,
                                              bool keep_tensors = false);

}  // namespace strobe::layers
