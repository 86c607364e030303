#include "kernels/import/float_run.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace strobe::import {
namespace {

/// All layers of so many events are held in memory at a time.
constexpr size_t kChunkRows = 4096;

/// For each input of the floating-point model the graph's input of that name, or of that place.
absl::StatusOr<std::vector<size_t>> input_order(const FloatModel& model, const model::Graph& graph) {
  std::vector<size_t> order;
  if (model.inputs.size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat("the floating-point model has ", model.inputs.size(),
                                                   " inputs, the kernel ", graph.inputs().size()));
  }
  for (size_t i = 0; i < model.inputs.size(); ++i) {
    size_t found = i;
    for (size_t g = 0; g < graph.inputs().size(); ++g) {
      if (graph.input(g).name == model.inputs[i].name) found = g;
    }
    order.push_back(found);
  }
  return order;
}

absl::StatusOr<std::vector<size_t>> own_order(const FloatModel& model) {
  std::vector<size_t> order(model.inputs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  return order;
}

/// A model's output; of a forest compiled with its output transform, what follows the margins.
const FloatStep& output_step(const model::Graph& graph, const FloatEvaluation& evaluation, size_t output) {
  const model::NodeId producer = output < graph.outputs().size() ? graph.output(output).producer : -1;
  const bool transformed = producer >= 0 && absl::EndsWith(graph.nodes()[producer].name, "_probabilities");
  const FloatStep* step = transformed ? evaluation.find(graph.nodes()[producer].name) : nullptr;
  return step != nullptr ? *step : evaluation.output(output);
}

}  // namespace

absl::StatusOr<FloatRun> run_float(const FloatModel& model, const model::Graph* graph,
                                   const std::vector<std::vector<double>>& inputs, size_t rows, size_t layer_rows) {
  auto order = graph != nullptr ? input_order(model, *graph) : own_order(model);
  if (!order.ok()) return order.status();
  FloatRun run;
  run.outputs.resize(model.outputs.size());
  for (size_t first = 0; first < rows || first == 0;) {
    const size_t count = first == 0 ? std::min(layer_rows, rows) : std::min(kChunkRows, rows - first);
    std::vector<std::span<const double>> views;
    for (const size_t i : *order) {
      const auto elements = inputs[i].size() / std::max<size_t>(rows, 1);
      views.push_back(std::span(inputs[i]).subspan(first * elements, count * elements));
    }
    auto evaluation = evaluate_float(model, views, count);
    if (!evaluation.ok()) return evaluation.status();
    for (size_t o = 0; o < run.outputs.size(); ++o) {
      const auto& values = (graph != nullptr ? output_step(*graph, *evaluation, o) : evaluation->output(o)).values;
      run.outputs[o].insert(run.outputs[o].end(), values.begin(), values.end());
    }
    if (first == 0) run.layers = *std::move(evaluation);
    first += std::max<size_t>(count, 1);
  }
  return run;
}

}  // namespace strobe::import
