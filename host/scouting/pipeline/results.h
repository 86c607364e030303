#pragma once

#include <span>
#include <vector>

#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/batch.h"
#include "host/scouting/sinks/sink.h"

namespace strobe::scouting {

/// Scores of a batch as numbers for the filter, and as columns for the sinks. Used by one thread; what it returns is
/// valid until the next call.
class Results {
 public:
  Results(const Config& config, const Selection& selection, const std::vector<std::unique_ptr<Model>>& models);

  /// Formats of what `of` returns.
  const std::vector<ResultFormat>& formats() const { return formats_; }
  /// Turns all scores of a batch into numbers.
  void decode(const Batch& batch);
  /// Numbers of one orbit of the decoded batch: [model][output], row-major.
  std::span<const std::vector<std::span<const double>>> scores_of(const WorkOrbit& orbit);
  /// Results of one orbit of the decoded batch: outputs of the models, then the values that are to be written.
  std::span<const Result> of(const WorkOrbit& orbit);

 private:
  struct Output {
    size_t model, output, elements;
    runtime::ElementKind element;
    Buffer<double> numbers;   ///< of the whole batch
    Buffer<std::byte> bytes;  ///< of the whole batch, as sinks get them; empty where they get the containers
    size_t row_bytes = 0;     ///< of what sinks get
  };

  void add_output(const Model& model, size_t m, size_t output, bool raw);

  const Selection& selection_;
  const std::vector<std::unique_ptr<Model>>& models_;
  std::vector<Output> outputs_;
  std::vector<size_t> values_;  ///< indices of the values to be written
  std::vector<ResultFormat> formats_;
  std::vector<std::vector<std::span<const double>>> orbit_scores_;
  std::vector<std::vector<uint32_t>> rows_;  ///< by model: crossings of an orbit's rows
  std::vector<uint32_t> all_rows_;
  std::vector<Result> results_;
};

}  // namespace strobe::scouting
