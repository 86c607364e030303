#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/cli/bytes.h"
#include "host/io/array.h"
#include "kernels/model/graph.h"

namespace strobe::cli {

/// The machine type of a tensor's containers.
io::DType container_dtype(const model::TensorType& type);

/// Scores of every output tensor, in containers.
struct Scores {
  size_t rows = 0;
  std::vector<Bytes> outputs;
  std::vector<std::span<std::byte>> spans() { return {outputs.begin(), outputs.end()}; }
};
Scores make_scores(const model::Graph& graph, size_t rows);

/// One output tensor's scores as an array [rows, shape...]: float64 (each value exactly), or the raw integers, which
/// stay where they are in `scores`.
io::Array scores_array(const Scores& scores, const model::Graph& graph, size_t output, bool raw);

/// Whether `write_scores` can write to a file of that name; an empty name is none. Errors: as write_scores.
absl::Status check_score_path(const std::string& path, const model::Graph& graph);

/// Writes `.npy` or `.csv` (one output) or `.npz` (by tensor name). Errors: InvalidArgument for another ending, or for
/// several outputs in a file that holds one.
absl::Status write_scores(const std::string& path, const Scores& scores, const model::Graph& graph, bool raw);

/// A score file that is written while events are still run. It appears whole, with `commit`, or not at all.
class ScoreFile {
 public:
  /// Of `rows` rows. An empty path: scores are thrown away. Errors: as `write_scores`, and those of creating a file.
  static absl::StatusOr<std::unique_ptr<ScoreFile>> create(const std::string& path, const model::Graph& graph,
                                                           size_t rows, bool raw);
  virtual ~ScoreFile() = default;
  /// The next rows: of each output as many as `scores.rows`.
  virtual absl::Status append(const Scores& scores) = 0;
  virtual absl::Status commit() = 0;
};

}  // namespace strobe::cli
