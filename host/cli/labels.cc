#include "host/cli/labels.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/io/files.h"
#include "host/metrics/metrics.h"

namespace strobe::cli {
absl::StatusOr<std::vector<int64_t>> labels_of(const std::string& path, const ScoreOfLabel& score_of_label,
                                               const std::vector<io::NamedArray>& arrays, const model::Graph& graph,
                                               size_t output, size_t rows) {
  const auto classes = static_cast<size_t>(graph.output(output).type.elements());
  const io::Array* array = array_of(arrays, graph, output);
  if (array == nullptr && output == 0 && arrays.size() == 1 && arrays[0].name.empty()) array = &arrays[0].array;
  if (array == nullptr) return std::vector<int64_t>();
  std::vector<double> numbers = array->numbers();
  for (size_t i = 0; !score_of_label.empty() && i < numbers.size(); ++i) {
    const bool known = numbers[i] >= 0 && numbers[i] < static_cast<double>(score_of_label.size());
    if (!known)
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": label ", numbers[i], " of event ", i, " has no place in --score-of-label"));
    numbers[i] = static_cast<double>(score_of_label[static_cast<size_t>(numbers[i])]);
  }
  auto labels = metrics::class_labels(numbers, rows, classes);
  if (!labels.ok())
    return absl::Status(labels.status().code(), absl::StrCat(path, ": ", std::string(labels.status().message())));
  return labels;
}

absl::StatusOr<std::vector<io::NamedArray>> read_arrays(const std::string& path) {
  if (absl::EndsWith(path, ".npz")) return io::read_npz(path);
  if (absl::EndsWith(path, ".npy")) {
    auto array = io::read_npy(path);
    if (!array.ok()) return array.status();
    return std::vector<io::NamedArray>{{"", *std::move(array)}};
  }
  if (absl::EndsWith(path, ".csv") || absl::EndsWith(path, ".txt")) {
    auto csv = io::read_csv(path);
    if (!csv.ok()) return csv.status();
    return std::vector<io::NamedArray>{{"", std::move(csv->array)}};
  }
  return absl::InvalidArgumentError(absl::StrCat(path, ": expected a file ending in .npy, .npz or .csv"));
}

const io::Array* array_of(const std::vector<io::NamedArray>& arrays, const model::Graph& graph, size_t output) {
  for (const std::string& name : {graph.output(output).name, std::string("output"), std::string()}) {
    const auto it = std::find_if(arrays.begin(), arrays.end(), [&](const io::NamedArray& a) { return a.name == name; });
    if (it != arrays.end()) return &it->array;
    if (graph.outputs().size() > 1) return nullptr;
  }
  return arrays.size() == 1 ? &arrays[0].array : nullptr;
}

absl::StatusOr<std::vector<std::vector<int64_t>>> read_labels(const std::string& path,
                                                              const ScoreOfLabel& score_of_label,
                                                              const model::Graph& graph, size_t rows) {
  std::vector<std::vector<int64_t>> labels(graph.outputs().size());
  if (path.empty()) return labels;
  auto arrays = read_arrays(path);
  if (!arrays.ok()) return arrays.status();
  for (size_t o = 0; o < labels.size(); ++o) {
    auto of_output = labels_of(path, score_of_label, *arrays, graph, o, rows);
    if (!of_output.ok()) return of_output.status();
    labels[o] = *std::move(of_output);
  }
  return labels;
}

}  // namespace strobe::cli
