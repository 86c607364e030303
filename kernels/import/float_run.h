#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_reference.h"
#include "kernels/model/graph.h"

namespace strobe::import {

/// Runs a floating-point model over events (per input of the graph: numbers, rows x elements; without a graph, per
/// input of the model, and outputs are those of the model). Keeps all layers of the first `layer_rows` events, and of
/// all events the outputs: per output of the model, rows x elements.
struct FloatRun {
  FloatEvaluation layers;
  std::vector<std::vector<double>> outputs;
};
absl::StatusOr<FloatRun> run_float(const FloatModel& model, const model::Graph* graph,
                                   const std::vector<std::vector<double>>& inputs, size_t rows, size_t layer_rows);

}  // namespace strobe::import
