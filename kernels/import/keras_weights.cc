#include "kernels/import/keras_weights.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::import {
namespace {

/// An attribute that Keras splits into name0, name1... where it outgrows HDF5's limit.
absl::StatusOr<std::optional<std::vector<std::string>>> split_strings(const hdf5::File& file, const std::string& path,
                                                                      const std::string& attribute) {
  auto whole = file.strings(path, attribute);
  if (!whole.ok() || whole->has_value()) return whole;
  std::optional<std::vector<std::string>> joined;
  for (int i = 0;; ++i) {
    auto part = file.strings(path, absl::StrCat(attribute, i));
    if (!part.ok()) return part.status();
    if (!part->has_value()) return joined;
    if (!joined) joined.emplace();
    joined->insert(joined->end(), (*part)->begin(), (*part)->end());
  }
}

/// "dense_1/dense_1/kernel:0" -> "kernel".
std::string leaf_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  std::string leaf = slash == std::string::npos ? path : path.substr(slash + 1);
  return leaf.substr(0, leaf.find(':'));
}

/// Where element `index` lies: "[3, 12]".
std::string position_text(size_t index, const std::vector<int64_t>& shape) {
  std::vector<int64_t> position(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    position[d] = static_cast<int64_t>(index % static_cast<size_t>(shape[d]));
    index /= static_cast<size_t>(shape[d]);
  }
  return shape_text(position);
}

}  // namespace

std::string shape_text(const std::vector<int64_t>& shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

absl::StatusOr<KerasWeights> KerasWeights::open(hdf5::File file) {
  const auto names = split_strings(file, "", "layer_names");
  if (!names.ok()) return names.status();
  KerasWeights weights(std::move(file), false);
  if (names->has_value()) return weights;
  if (weights.file_.exists("model_weights")) {
    weights.root_ = "model_weights/";
    return weights;
  }
  weights.numbered_ = true;
  for (const char* root : {"layers", "_layer_checkpoint_dependencies"}) {
    if (!weights.file_.exists(root)) continue;
    weights.root_ = absl::StrCat(root, "/");
    if (absl::Status s = weights.index_numbered(); !s.ok()) return s;
    return weights;
  }
  return absl::InvalidArgumentError(absl::StrCat("'", weights.file_.name(),
                                                 "': expected Keras weights, found neither "
                                                 "'layer_names' nor a group 'layers' or 'model_weights'"));
}

absl::Status KerasWeights::index_numbered() {
  absl::StatusOr<std::vector<std::string>> groups = file_.children(root_.substr(0, root_.size() - 1));
  if (!groups.ok()) return groups.status();
  for (const std::string& group : *groups) {
    const std::string path = absl::StrCat(root_, group);
    if (!file_.exists(path + "/vars")) continue;
    absl::StatusOr<std::optional<std::string>> name = file_.text(path + "/vars", "name");
    if (!name.ok()) return name.status();
    if (name->has_value()) by_name_.emplace(**name, path);
  }
  return absl::OkStatus();
}

std::string KerasWeights::group(const KerasLayer& layer) const {
  const auto it = by_name_.find(layer.name);
  if (it == by_name_.end()) return root_ + layer.weights_path;
  return it->second + (absl::EndsWith(layer.weights_path, "/layer") ? "/layer" : "");
}

absl::StatusOr<std::vector<std::string>> KerasWeights::named_paths(const KerasLayer& layer) const {
  const std::string group = absl::StrCat(root_, layer.name);
  auto names = split_strings(file_, group, "weight_names");
  if (absl::IsNotFound(names.status())) {
    return absl::InvalidArgumentError(absl::StrCat("layer '", layer.name, "': expected its weights in '", file_.name(),
                                                   "', found no group '", group, "'"));
  }
  if (!names.ok()) return names.status();
  if (!names->has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("'", file_.name(), "': group '", group, "' has no 'weight_names'"));
  }
  for (std::string& name : **names) name = absl::StrCat(group, "/", name);
  return **std::move(names);
}

absl::StatusOr<Array> KerasWeights::read_finite(const std::string& path, const std::string& what) const {
  absl::StatusOr<Array> array = file_.read(path);
  if (!array.ok()) {
    return absl::Status(absl::IsNotFound(array.status()) ? absl::StatusCode::kInvalidArgument : array.status().code(),
                        absl::StrCat(what, ": ", array.status().message()));
  }
  for (size_t i = 0; i < array->data.size(); ++i) {
    if (std::isfinite(array->data[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat(what, ": expected finite numbers, found ", array->data[i], " at ",
                                                   position_text(i, array->shape)));
  }
  return array;
}

absl::StatusOr<std::map<std::string, Array, std::less<>>> KerasWeights::load(
    const KerasLayer& layer, const std::vector<WeightSpec>& specs) const {
  std::map<std::string, Array, std::less<>> loaded;
  if (specs.empty()) return loaded;
  std::vector<std::string> named;
  if (!numbered_) {
    absl::StatusOr<std::vector<std::string>> paths = named_paths(layer);
    if (!paths.ok()) return paths.status();
    named = *std::move(paths);
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    const WeightSpec& spec = specs[i];
    std::string path = absl::StrCat(group(layer), "/vars/", i);
    if (!numbered_) {
      path.clear();
      for (const std::string& candidate : named) {
        if (leaf_name(candidate) == spec.name) path = candidate;
      }
    }
    const std::string what =
        absl::StrCat("layer '", layer.name, "' (", layer.class_name, "), weight '", spec.name, "'");
    if (path.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": expected shape ", shape_text(spec.shape),
                                                     ", found no such weight in '", file_.name(), "'"));
    }
    absl::StatusOr<Array> array = read_finite(path, what);
    if (!array.ok()) return array.status();
    if (array->shape != spec.shape) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": expected shape ", shape_text(spec.shape), ", found ",
                                                     shape_text(array->shape), " in '", file_.name(), "'"));
    }
    loaded.emplace(spec.name, *std::move(array));
  }
  return loaded;
}

}  // namespace strobe::import
