#include <unistd.h>

#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/float_model.h"
#include "kernels/import/keras.h"
#include "kernels/import/onnx.h"
#include "platform/files/file.h"

namespace strobe::import {
namespace {

enum class Format { kJson, kHdf5, kZip, kOther };

Format recognise(std::string_view head) {
  if (head.starts_with("\x89HDF")) return Format::kHdf5;
  if (head.starts_with("PK\x03\x04")) return Format::kZip;
  const size_t first = head.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && head[first] == '{' ? Format::kJson : Format::kOther;
}

/// The weights that Keras users keep beside `model.json`: the first that exists of model_weights.h5, model.weights.h5,
/// model.h5; empty if none does.
std::string weights_beside(const std::string& path) {
  const std::string stem = path.substr(0, path.rfind('.'));
  for (const char* ending : {"_weights.h5", ".weights.h5", ".h5"}) {
    const std::string candidate = stem + ending;
    if (::access(candidate.c_str(), R_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace

absl::StatusOr<FloatModel> import_model(const std::string& path, const ImportOptions& options) {
  std::string head;
  {
    absl::StatusOr<std::shared_ptr<const files::MappedFile>> file = files::MappedFile::open(path);
    if (!file.ok()) return file.status();
    const auto bytes = (*file)->bytes().first(std::min<size_t>((*file)->bytes().size(), 256));
    head.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  if (head.empty())
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': expected a model, found an empty file"));
  const bool onnx = absl::EndsWithIgnoreCase(path, ".onnx");
  const Format format = recognise(head);
  if (!options.weights_path.empty() && (onnx || format == Format::kHdf5 || format == Format::kZip)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "' holds its own weights; --weights is for a Keras .json"));
  }
  if (onnx) return import_onnx(path);
  if (format == Format::kHdf5) return import_keras_h5(path);
  if (format == Format::kZip) return import_keras_zip(path);
  if (format == Format::kJson) {
    return import_keras_json(path, options.weights_path.empty() ? weights_beside(path) : options.weights_path);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", path, "': expected a Keras .json (with its .h5), .h5 or .keras, or an .onnx model; found none of them"));
}

}  // namespace strobe::import
