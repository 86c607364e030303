#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/io/array.h"
#include "kernels/model/graph.h"

namespace strobe::cli {

/// For each label 0, 1, ... the score that belongs to it; empty: the label's own number.
using ScoreOfLabel = std::vector<int64_t>;

/// The arrays of a file by name; one without names is called "". Errors: InvalidArgument for another ending.
absl::StatusOr<std::vector<io::NamedArray>> read_arrays(const std::string& path);

/// The array of an output, by name; of an only output also the file's only array, or the one called "output". Null:
/// none.
const io::Array* array_of(const std::vector<io::NamedArray>& arrays, const model::Graph& graph, size_t output);

/// The class of each of `rows` events for one output, as indices of its scores; empty: the file's arrays have none for
/// it. `path` is for messages. Errors: InvalidArgument that names the file and, of a label that is no class, the event.
absl::StatusOr<std::vector<int64_t>> labels_of(const std::string& path, const ScoreOfLabel& score_of_label,
                                               const std::vector<io::NamedArray>& arrays, const model::Graph& graph,
                                               size_t output, size_t rows);

/// The same for all outputs from a file (.npy, .csv; .npz by output name), empty for all where `path` is empty.
absl::StatusOr<std::vector<std::vector<int64_t>>> read_labels(const std::string& path,
                                                              const ScoreOfLabel& score_of_label,
                                                              const model::Graph& graph, size_t rows);

}  // namespace strobe::cli
