#include "kernels/layers/reference.h"

#include "absl/strings/str_cat.h"
#include "kernels/layers/catalog.h"

namespace strobe::layers {
namespace {

using model::Graph;
using model::Tensor;

absl::Status check_input(const Tensor& tensor, std::span<const int64_t> raw, size_t rows) {
  const int64_t elements = tensor.type.elements();
  if (raw.size() != rows * elements) {
    return absl::InvalidArgumentError(absl::StrCat("input '", tensor.name, "': expected ", rows, " rows of ", elements,
                                                   " values, found ", raw.size(), " values"));
  }
  for (size_t i = 0; i < raw.size(); ++i) {
    const model::FixedType& type = tensor.type.at(static_cast<int64_t>(i) % elements);
    const auto value = static_cast<model::Wide>(raw[i]);
    if (value < -(type.is_signed ? type.max_raw() + 1 : 0) || value > type.max_raw()) {
      return absl::InvalidArgumentError(absl::StrCat("input '", tensor.name, "', row ", i / elements, ", element ",
                                                     i % elements, ": raw value ", raw[i], " does not fit ",
                                                     type.to_string()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Evaluation> evaluate_reference(const Graph& graph, const std::vector<std::span<const int64_t>>& inputs,
                                              size_t rows, bool keep_tensors) {
  if (inputs.size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("model '", graph.name(), "' has ", graph.inputs().size(), " inputs, ", inputs.size(), " given"));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (absl::Status s = check_input(graph.input(i), inputs[i], rows); !s.ok()) return s;
  }

  Evaluation result;
  result.overflow.resize(graph.nodes().size());
  std::vector<std::vector<int64_t>> event(graph.tensors().size());
  for (size_t t = 0; t < event.size(); ++t) event[t].resize(graph.tensors()[t].type.elements());
  if (keep_tensors) result.tensors.resize(event.size());
  result.outputs.resize(graph.outputs().size());

  std::vector<EventView> views;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const model::Node& node = graph.nodes()[n];
    EventView view{graph, node, {}, {}, &result.overflow[n]};
    for (const model::TensorId id : node.inputs) view.inputs.emplace_back(event[id]);
    for (const model::TensorId id : node.outputs) view.outputs.emplace_back(event[id]);
    views.push_back(std::move(view));
  }

  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      auto& target = event[graph.inputs()[i]];
      std::copy_n(inputs[i].begin() + row * target.size(), target.size(), target.begin());
    }
    for (const EventView& view : views) find_layer(view.node.op)->reference(view);
    for (size_t o = 0; o < result.outputs.size(); ++o) {
      const auto& values = event[graph.outputs()[o]];
      result.outputs[o].insert(result.outputs[o].end(), values.begin(), values.end());
    }
    for (size_t t = 0; keep_tensors && t < event.size(); ++t) {
      result.tensors[t].insert(result.tensors[t].end(), event[t].begin(), event[t].end());
    }
  }
  return result;
}

}  // namespace strobe::layers
