#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/io/files.h"
#include "kernels/import/float_model.h"
#include "kernels/layers/reference.h"
#include "kernels/quantise/quantise.h"

/// What the tests of whole networks share: published arrays, and a network's answers to them.
namespace strobe::testing {

using Arrays = std::map<std::string, io::Array>;

/// Arrays of an `.npz` by name; a test failure where it cannot be read.
Arrays load_arrays(const std::string& path);

/// The first `rows` events of an input: numbers, row-major.
struct Events {
  std::vector<double> values;
  size_t rows = 0;
};

/// The first `max_rows` rows of an array, times `step`.
Events events_of(const io::Array& array, size_t max_rows, double step = 1);
/// The jets of the shared data (16 features).
Events shared_jets(size_t max_rows);

/// A graph and what its reference evaluation gave for some events.
struct Run {
  model::Graph graph;
  layers::Evaluation evaluation;
  std::vector<std::string> warnings;
  size_t rows = 0;

  /// Values of a tensor, rows x elements.
  std::vector<double> values(model::TensorId id) const;
  /// All outputs side by side, rows x elements.
  std::vector<double> outputs() const;
  model::OverflowCount overflow() const;
};

/// What an input's encoding makes of a number.
int64_t raw_value(const model::Tensor& input, int64_t element, double number);

/// Quantises a network and evaluates it; events are converted by the rounding and overflow of the graph's inputs.
absl::StatusOr<Run> run_network(const import::FloatModel& model, const quantise::QuantiseOptions& options,
                                const std::vector<Events>& inputs);

/// How many values differ, and the first of them: "" where none does.
std::string difference(const std::vector<double>& found, const std::vector<double>& expected, size_t rows);

/// Index of the first largest value of each row.
std::vector<size_t> winners(const std::vector<double>& values, size_t rows);

}  // namespace strobe::testing
