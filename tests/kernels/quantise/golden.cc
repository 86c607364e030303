#include "tests/kernels/quantise/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tests/kernels/import/import_fixture.h"

namespace strobe::testing {

Arrays load_arrays(const std::string& path) {
  Arrays arrays;
  auto read = io::read_npz(path);
  EXPECT_TRUE(read.ok()) << read.status();
  if (!read.ok()) return arrays;
  for (io::NamedArray& entry : *read) arrays.emplace(entry.name, std::move(entry.array));
  return arrays;
}

Events events_of(const io::Array& array, size_t max_rows, double step) {
  Events events;
  events.rows = std::min(max_rows, static_cast<size_t>(array.rows()));
  const auto count = static_cast<int64_t>(events.rows) * array.row_elements();
  for (int64_t i = 0; i < count; ++i) events.values.push_back(array.number(i) * step);
  return events;
}

Events shared_jets(size_t max_rows) {
  auto jets = io::read_npy(shared_data() + "/jets/features_fixed16_6.npy");
  EXPECT_TRUE(jets.ok()) << jets.status();
  return jets.ok() ? events_of(*jets, max_rows, 1.0 / 1024) : Events{};
}

std::vector<double> Run::values(model::TensorId id) const {
  const model::TensorType& type = graph.tensor(id).type;
  const std::vector<int64_t>& raw = evaluation.tensors[id];
  std::vector<double> values;
  for (size_t i = 0; i < raw.size(); ++i) {
    values.push_back(model::to_double(raw[i], type.at(static_cast<int64_t>(i) % type.elements())));
  }
  return values;
}

std::vector<double> Run::outputs() const {
  std::vector<std::vector<double>> parts;
  for (const model::TensorId id : graph.outputs()) parts.push_back(values(id));
  std::vector<double> joined;
  for (size_t row = 0; row < rows; ++row) {
    for (const auto& part : parts) {
      const auto width = static_cast<std::ptrdiff_t>(part.size() / rows);
      const auto first = part.begin() + static_cast<std::ptrdiff_t>(row) * width;
      joined.insert(joined.end(), first, first + width);
    }
  }
  return joined;
}

model::OverflowCount Run::overflow() const {
  model::OverflowCount total;
  for (const auto& count : evaluation.overflow) total += count;
  return total;
}

int64_t raw_value(const model::Tensor& input, int64_t element, double number) {
  if (std::isnan(number)) {
    EXPECT_TRUE(input.encoding.missing) << input.name << " knows no missing values";
    return input.encoding.missing.value_or(0);
  }
  if (input.encoding.kind == model::InputEncoding::Kind::kOrderedFloat)
    return model::ordered_key(static_cast<float>(number));
  const int64_t raw = model::cast(number, input.type.at(element));
  return raw == input.encoding.missing ? raw + (input.type.at(element).is_signed ? 1 : -1) : raw;
}

absl::StatusOr<Run> run_network(const import::FloatModel& model, const quantise::QuantiseOptions& options,
                                const std::vector<Events>& inputs) {
  auto quantised = quantise::quantise(model, options);
  if (!quantised.ok()) return quantised.status();
  Run run{std::move(quantised->graph), {}, std::move(quantised->warnings), inputs.at(0).rows};
  if (run.graph.inputs().size() != inputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat(run.graph.inputs().size(), " inputs, events for ", inputs.size()));
  }
  std::vector<std::vector<int64_t>> raw(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const model::Tensor& input = run.graph.input(i);
    for (size_t e = 0; e < inputs[i].values.size(); ++e) {
      raw[i].push_back(raw_value(input, static_cast<int64_t>(e) % input.type.elements(), inputs[i].values[e]));
    }
  }
  auto evaluation = layers::evaluate_reference(run.graph, {raw.begin(), raw.end()}, run.rows, /*keep_tensors=*/true);
  if (!evaluation.ok()) return evaluation.status();
  run.evaluation = *std::move(evaluation);
  return run;
}

std::string difference(const std::vector<double>& found, const std::vector<double>& expected, size_t rows) {
  if (found.size() != expected.size()) {
    return absl::StrCat(found.size(), " values, expected ", expected.size());
  }
  size_t count = 0, first = 0;
  for (size_t i = found.size(); i-- > 0;) {
    if (found[i] == expected[i]) continue;
    ++count;
    first = i;
  }
  if (count == 0) return "";
  const size_t elements = std::max<size_t>(found.size() / std::max<size_t>(rows, 1), 1);
  return absl::StrCat(count, " of ", found.size(), " values differ; first: row ", first / elements, ", element ",
                      first % elements, ": ", found[first], " instead of ", expected[first]);
}

std::vector<size_t> winners(const std::vector<double>& values, size_t rows) {
  const auto width = static_cast<std::ptrdiff_t>(values.size() / rows);
  std::vector<size_t> result;
  for (auto row = values.begin(); row != values.end(); row += width) {
    result.push_back(static_cast<size_t>(std::max_element(row, row + width) - row));
  }
  return result;
}

}  // namespace strobe::testing
