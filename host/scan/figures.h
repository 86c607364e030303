#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "host/metrics/metrics.h"
#include "kernels/import/float_model.h"
#include "kernels/layers/layer.h"
#include "kernels/model/graph.h"

/// What a model gives and costs in one arithmetic or another, found in this process without building a kernel.
namespace strobe::scan {

/// Events, and what is known of them.
struct Sample {
  size_t rows = 0;
  std::vector<std::vector<double>> inputs;   ///< per input of the graph: numbers, rows x elements
  std::vector<std::vector<int64_t>> labels;  ///< per output: a class an event; empty: not known
  double threshold = 0.5;                    ///< above it a single score says class 1
};

/// Scores of all outputs: numbers, rows x elements.
using ScoreLists = std::vector<std::vector<double>>;

/// What scores are worth. With several outputs accuracy and same class are means over them.
struct Merit {
  std::optional<double> accuracy;    ///< absent without labels
  std::optional<double> same_class;  ///< as floating point; absent for a single score without labels
  metrics::Difference difference;    ///< to floating point, over all outputs
};

struct Figures {
  Merit merit;
  model::OverflowCount input_overflow;  ///< on conversion to the input's type
  model::OverflowCount overflow;        ///< inside the graph
  layers::Cost cost;                    ///< of the whole
  int64_t comparisons = 0;              ///< distinct ones of forests
};

/// The model's scores in floating point. `graph` is any that was made of the model; null where none can be made.
/// Errors: as import::run_float.
absl::StatusOr<ScoreLists> float_scores(const import::FloatModel& model, const model::Graph* graph,
                                        const Sample& sample);

/// The share of events whose class is the label, in floating point; absent without labels.
std::optional<double> accuracy_of(const ScoreLists& scores, const Sample& sample);

/// Runs all events through the emulator, scores by the fast path and overflows by the exact one.
/// Errors: those of the emulator; InvalidArgument for numbers that the input's type refuses.
absl::StatusOr<Figures> evaluate(const model::Graph& graph, const Sample& sample, const ScoreLists& floating);

/// Calls `work` once for each of `count` things, `threads` at a time; `progress` (may be empty) hears how many are
/// done, one call at a time.
void for_each(size_t count, int threads, const std::function<void(size_t)>& work,
              const std::function<void(size_t done)>& progress);

}  // namespace strobe::scan
