#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/cli/bytes.h"
#include "host/io/array.h"
#include "kernels/model/graph.h"

namespace strobe::cli {

/// Events as the kernel takes them: per input tensor, rows of containers.
struct Events {
  size_t rows = 0;
  std::vector<std::span<const std::byte>> inputs;
  model::OverflowCount changed;      ///< values that wrapped or saturated on conversion
  bool integers_as_numbers = false;  ///< an integer file was read without `raw`
  std::vector<Bytes> owned;          ///< behind `inputs` where values had to be converted
  std::vector<io::Array> files;      ///< behind `inputs` where the file's own bytes serve
};

/// Reads `.npy`, `.csv`, `.bin` (one input) or `.npz` (by tensor name) and converts: numbers by each tensor's rounding
/// and overflow, or with `raw` the raw integers as they are (a mapped `.npy` or `.bin` of the right width is not
/// copied). A `.bin` holds raw containers. Errors: InvalidArgument that names file, tensor, expectation and finding.
absl::StatusOr<Events> read_events(const std::string& path, const model::Graph& graph, bool raw);

/// The events of the same file as numbers, not converted to the input's type: what a floating-point model gets. Raw
/// integers are the values that they stand for. Per input tensor of the graph, rows x elements.
absl::StatusOr<std::vector<std::vector<double>>> read_event_numbers(const std::string& path, const model::Graph& graph,
                                                                    bool raw);

/// Scores of every output tensor, in containers.
struct Scores {
  size_t rows = 0;
  std::vector<Bytes> outputs;
  std::vector<std::span<std::byte>> spans() { return {outputs.begin(), outputs.end()}; }
};
Scores make_scores(const model::Graph& graph, size_t rows);

/// One output tensor's scores as an array [rows, shape...]: float64 (each value exactly), or the raw integers, which stay
/// where they are in `scores`.
io::Array scores_array(const Scores& scores, const model::Graph& graph, size_t output, bool raw);

/// Whether `write_scores` can write to a file of that name; an empty name is none. Errors: as write_scores.
absl::Status check_score_path(const std::string& path, const model::Graph& graph);

/// Writes `.npy` or `.csv` (one output) or `.npz` (by tensor name). Errors: InvalidArgument for another ending, or for
/// several outputs in a file that holds one.
absl::Status write_scores(const std::string& path, const Scores& scores, const model::Graph& graph, bool raw);

}  // namespace strobe::cli
