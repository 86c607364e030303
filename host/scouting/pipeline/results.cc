#include "host/scouting/pipeline/results.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

constexpr runtime::Encoding kNumbers{runtime::ElementKind::kFloat64, false};

/// Scores as numbers: FP32 where it holds them exactly.
runtime::ElementKind number_kind(const model::TensorType& type) {
  constexpr int kFloatBits = 24;
  int widest = 0;
  for (const model::FixedType& each : type.types) widest = std::max(widest, each.width);
  return widest <= kFloatBits ? runtime::ElementKind::kFloat32 : runtime::ElementKind::kFloat64;
}

}  // namespace

Results::Results(const Config& config, const Selection& selection, const std::vector<std::unique_ptr<Model>>& models)
    : selection_(selection), models_(models), orbit_scores_(models.size()), rows_(models.size()) {
  for (size_t m = 0; m < models.size(); ++m) {
    orbit_scores_[m].resize(models[m]->spec().outputs.size());
    for (size_t o = 0; o < models[m]->spec().outputs.size(); ++o) add_output(*models[m], m, o, config.results_raw);
  }
  const std::vector<std::string>& names = selection.values();
  for (const std::string& value : config.result_values) {
    values_.push_back(static_cast<size_t>(std::find(names.begin(), names.end(), value) - names.begin()));
    formats_.push_back({value, runtime::ElementKind::kFloat64, 1});
  }
}

void Results::add_output(const Model& model, size_t m, size_t o, bool raw) {
  const runtime::Codec& codec = model.output_codec(o);
  const runtime::ElementKind kind = raw ? codec.container_encoding().kind : number_kind(codec.type());
  Output output;
  output.model = m;
  output.output = o;
  output.elements = codec.elements();
  output.element = kind;
  output.row_bytes = codec.elements() * runtime::byte_size(kind);
  formats_.push_back({absl::StrCat(model.name(), "/", model.spec().outputs[o].name), output.element, output.elements});
  outputs_.push_back(std::move(output));
}

void Results::decode(const Batch& batch) {
  for (Output& output : outputs_) {
    const ModelWork& work = *batch.works[output.model];
    const runtime::Codec& codec = models_[output.model]->output_codec(output.output);
    const auto containers = work.output(output.output).first(work.rows() * codec.row_bytes());
    output.numbers.resize(work.rows() * output.elements);
    codec.decode(kNumbers, containers, std::as_writable_bytes(output.numbers.view()));
    output.bytes.resize(work.rows() * output.row_bytes);
    if (output.element == runtime::ElementKind::kFloat32) {
      float* to = reinterpret_cast<float*>(output.bytes.data());
      for (size_t i = 0; i < output.numbers.size(); ++i) to[i] = static_cast<float>(output.numbers[i]);
    } else if (output.element == runtime::ElementKind::kFloat64) {
      std::memcpy(output.bytes.data(), output.numbers.data(), output.bytes.size());
    } else {
      std::memcpy(output.bytes.data(), containers.data(), output.bytes.size());
    }
  }
}

std::span<const std::vector<std::span<const double>>> Results::scores_of(const WorkOrbit& orbit) {
  for (const Output& output : outputs_) {
    orbit_scores_[output.model][output.output] = output.numbers.view().subspan(
        orbit.first_row[output.model] * output.elements, orbit.rows[output.model] * output.elements);
  }
  return orbit_scores_;
}

std::span<const Result> Results::of(const WorkOrbit& orbit) {
  results_.clear();
  for (size_t m = 0; m < models_.size(); ++m) selection_.tensor_crossings(m, orbit.selected, rows_[m]);
  for (const Output& output : outputs_) {
    results_.push_back({output.bytes.view().subspan(orbit.first_row[output.model] * output.row_bytes,
                                                    orbit.rows[output.model] * output.row_bytes),
                        rows_[output.model]});
  }
  const size_t crossings = orbit.selected.crossings().size();
  if (all_rows_.size() < crossings) {
    all_rows_.resize(crossings);
    std::iota(all_rows_.begin(), all_rows_.end(), 0u);
  }
  for (const size_t value : values_)
    results_.push_back({std::as_bytes(orbit.selected.value(value)), std::span(all_rows_).first(crossings)});
  return results_;
}

}  // namespace strobe::scouting
