#include "kernels/import/onnx_tree_nodes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace strobe::import::onnx_ir {

absl::Status read_numbers(const Node& node, const std::string& key, size_t count, bool optional, NumberLists& lists) {
  std::vector<double> list;
  if (const auto* reals = node.attribute<std::vector<double>>(key)) list = *reals;
  if (const auto* integers = node.attribute<std::vector<int64_t>>(key)) list.assign(integers->begin(), integers->end());
  for (const std::string& name : {key, key + "_as_tensor"}) {
    if (const ValuePtr* tensor = node.attribute<ValuePtr>(name)) list = (*tensor)->data;
  }
  if (list.empty() && optional) list.assign(count, 0);
  if (list.size() != count)
    return absl::InvalidArgumentError(absl::StrCat(key, ": expected ", count, " numbers, found ", list.size()));
  lists[key] = std::move(list);
  return absl::OkStatus();
}

size_t list_length(const Node& node, const std::string& key) {
  const auto* list = node.attribute<std::vector<int64_t>>(key);
  return list == nullptr ? 0 : list->size();
}

int32_t feature_of(double id) { return id >= 0 && id < kMaxForestFeatures ? static_cast<int32_t>(id) : kNowhere; }

MissingTracks::MissingTracks(const std::vector<double>& tracks)
    : tracks_(tracks), knows_missing_(std::any_of(tracks.begin(), tracks.end(), [](double t) { return t != 0; })) {}

void MissingTracks::set(size_t n, ForestNode& node) const {
  if (!knows_missing_) return;
  node.missing = MissingValues::kNan;
  node.missing_goes_true = tracks_[n] != 0 || node.test == SplitTest::kNotEqual;
}

}  // namespace strobe::import::onnx_ir
