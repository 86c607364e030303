#include "host/cli/check_float.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace strobe::cli {
namespace {

using import::FloatEvaluation;
using import::FloatStep;

/// Names under which importers and passes know a layer: the graph follows hls4ml where it renames.
const FloatStep* step_named(const FloatEvaluation& evaluation, std::string name) {
  if (const FloatStep* step = evaluation.find(name)) return step;
  for (const char* prefix : {"Dense_", "bn_"}) {
    if (!absl::StartsWith(name, prefix)) continue;
    if (const FloatStep* step = evaluation.find(name.substr(std::string(prefix).size()))) return step;
  }
  for (const char* suffix : {"_linear", "_act"}) {
    if (absl::EndsWith(name, suffix)) return evaluation.find(name.substr(0, name.size() - std::string(suffix).size()));
  }
  return nullptr;
}

std::vector<std::vector<size_t>> readers_of(const FloatEvaluation& evaluation) {
  std::vector<std::vector<size_t>> readers(evaluation.steps.size());
  for (size_t s = 0; s < evaluation.steps.size(); ++s) {
    for (const size_t input : evaluation.steps[s].inputs) readers[input].push_back(s);
  }
  return readers;
}

/// Whether a step has one input that changes from event to event.
bool has_one_source(const FloatEvaluation& evaluation, size_t step) {
  const auto& inputs = evaluation.steps[step].inputs;
  return std::count_if(inputs.begin(), inputs.end(), [&](size_t i) { return !evaluation.steps[i].is_constant; }) == 1;
}

/// A scale that the graph took out of a layer and applies in a node of its own: until then the numbers are others.
bool is_moved_scale(const std::string& name) {
  return absl::EndsWith(name, "_rescale") || absl::EndsWith(name, "_alpha") || absl::EndsWith(name, "_scale");
}

bool feeds_moved_scale(const model::Graph& graph, const model::Node& node) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const model::Node& other) {
    return is_moved_scale(other.name) &&
           std::find(other.inputs.begin(), other.inputs.end(), node.outputs[0]) != other.inputs.end();
  });
}

double largest(const auto& values) {
  double result = 0;
  for (const double v : values) result = std::max(result, std::abs(v));
  return result;
}

/// Whether a dense layer's weights in the graph are others than the constants that the step multiplies by: their
/// trained scale was moved behind the sum, into whatever node comes next.
bool has_scaled_weights(const model::Node& node, const FloatEvaluation& evaluation, const FloatStep& step) {
  const model::Constant* weight = node.constant("weight");
  if (weight == nullptr || step.inputs.size() != 2 || !evaluation.steps[step.inputs[1]].is_constant) return false;
  std::vector<double> values;
  for (size_t w = 0; w < weight->raw.size(); ++w)
    values.push_back(model::to_double(weight->raw[w], weight->type.at(static_cast<int64_t>(w))));
  const double trained = largest(evaluation.steps[step.inputs[1]].values), used = largest(values);
  constexpr double kRoundingAtMost = 1.25;
  return trained > used * kRoundingAtMost || used > trained * kRoundingAtMost;
}

std::vector<double> fixed_values(const model::Tensor& tensor, const std::vector<int64_t>& raw) {
  std::vector<double> values(raw.size());
  const auto elements = static_cast<size_t>(tensor.type.elements());
  for (size_t i = 0; i < raw.size(); ++i)
    values[i] = model::to_double(raw[i], tensor.type.at(static_cast<int64_t>(i % elements)));
  return values;
}

}  // namespace

std::vector<std::vector<size_t>> match_steps(const model::Graph& graph, const FloatEvaluation& evaluation) {
  std::vector<const FloatStep*> base;
  std::set<size_t> taken;
  for (const model::Node& node : graph.nodes()) {
    base.push_back(step_named(evaluation, node.name));
    if (base.back() != nullptr) taken.insert(static_cast<size_t>(base.back() - evaluation.steps.data()));
  }
  const auto readers = readers_of(evaluation);
  const std::set<size_t> outputs(evaluation.outputs.begin(), evaluation.outputs.end());
  std::vector<std::vector<size_t>> candidates(base.size());
  for (size_t n = 0; n < base.size(); ++n) {
    const model::Node& node = graph.nodes()[n];
    if (base[n] == nullptr || feeds_moved_scale(graph, node) || has_scaled_weights(node, evaluation, *base[n]))
      continue;
    auto step = static_cast<size_t>(base[n] - evaluation.steps.data());
    while (true) {
      const FloatStep& at = evaluation.steps[step];
      if (!at.is_constant && model::element_count(at.shape) == graph.tensor(node.outputs[0]).type.elements())
        candidates[n].push_back(step);
      if (outputs.contains(step) || readers[step].size() != 1 || taken.contains(readers[step][0]) ||
          !has_one_source(evaluation, readers[step][0]))
        break;
      step = readers[step][0];
    }
  }
  return candidates;
}

std::vector<LayerReport> layer_reports(const model::Graph& graph, const layers::Evaluation& reference,
                                       const std::vector<model::OverflowCount>& overflow, size_t events,
                                       const FloatEvaluation* evaluation) {
  const auto candidates =
      evaluation == nullptr ? std::vector<std::vector<size_t>>(graph.nodes().size()) : match_steps(graph, *evaluation);
  std::vector<LayerReport> reports;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const model::Node& node = graph.nodes()[n];
    const model::Tensor& tensor = graph.tensor(node.outputs[0]);
    LayerReport report{node.name,
                       node.op,
                       tensor.type.to_string(),
                       "",
                       std::nullopt,
                       0,
                       overflow[n],
                       events * static_cast<size_t>(tensor.type.elements())};
    for (const size_t candidate : candidates[n]) {
      const FloatStep& step = evaluation->steps[candidate];
      const std::vector<double> floating(step.values.begin(), step.values.end());
      const auto difference =
          metrics::difference(fixed_values(tensor, reference.tensors[static_cast<size_t>(node.outputs[0])]), floating);
      if (report.difference && !(difference.mean < report.difference->mean)) continue;
      report.step = step.name;
      report.difference = difference;
      report.largest_value = largest(floating);
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace strobe::cli
