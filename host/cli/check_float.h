#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/cli/check_report.h"
#include "kernels/import/float_reference.h"
#include "kernels/layers/reference.h"
#include "kernels/model/graph.h"

namespace strobe::cli {

/// For each node of the graph the steps of the floating-point model that it may stand for: the layer of its name, and
/// what follows it as far as the graph may have folded it in (a bias that ONNX adds, a batch normalisation, a
/// quantiser). None where the graph works with numbers of another scale there, or has a step of its own.
std::vector<std::vector<size_t>> match_steps(const model::Graph& graph, const import::FloatEvaluation& evaluation);

/// A line for each node, against that of its steps which is nearest; `evaluation` may be null. `overflow` was counted
/// over `events` events.
std::vector<LayerReport> layer_reports(const model::Graph& graph, const layers::Evaluation& reference,
                                       const std::vector<model::OverflowCount>& overflow, size_t events,
                                       const import::FloatEvaluation* evaluation);

}  // namespace strobe::cli
