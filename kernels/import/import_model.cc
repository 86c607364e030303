#include <unistd.h>

#include <filesystem>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/float_model.h"
#include "kernels/import/forest_json.h"
#include "kernels/import/formula_file.h"
#include "kernels/import/keras.h"
#include "kernels/import/lightgbm.h"
#include "kernels/import/onnx.h"
#include "kernels/import/tmva.h"
#include "kernels/import/ubjson.h"
#include "platform/files/file.h"

namespace strobe::import {
namespace {

enum class Format { kJson, kUbjson, kHdf5, kZip, kLightgbm, kXml, kOther };

Format recognise(std::string_view head) {
  if (head.starts_with("\x89HDF")) return Format::kHdf5;
  if (head.starts_with("PK\x03\x04")) return Format::kZip;
  if (looks_like_ubjson(head)) return Format::kUbjson;
  if (looks_like_lightgbm(head)) return Format::kLightgbm;
  const size_t first = head.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && head[first] == '<') return Format::kXml;
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

absl::Status holds_its_weights(const std::string& path) {
  return absl::InvalidArgumentError(absl::StrCat("'", path, "' holds its own weights; --weights is for a Keras .json"));
}

/// JSON holds a forest of XGBoost's or conifer's, or a Keras configuration.
absl::StatusOr<FloatModel> import_json(const std::string& path, const std::string& weights_path) {
  {
    absl::StatusOr<std::string> text = files::read_file(path);
    if (!text.ok()) return text.status();
    absl::StatusOr<Json> document = parse_python_json(*text, path);
    if (!document.ok()) return document.status();
    const bool xgboost = is_xgboost(*document);
    if (xgboost || is_conifer(*document)) {
      if (!weights_path.empty()) return holds_its_weights(path);
      return xgboost ? read_xgboost(*document, path) : read_conifer(*document, path);
    }
  }
  return import_keras_json(path, weights_path.empty() ? weights_beside(path) : weights_path);
}

absl::StatusOr<FloatModel> import_ubjson(const std::string& path) {
  absl::StatusOr<std::string> bytes = files::read_file(path);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<Json> document = parse_ubjson(*bytes, path);
  if (!document.ok()) return document.status();
  if (!is_xgboost(*document)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': UBJSON without XGBoost's 'learner'; strobe reads XGBoost's models in it only"));
  }
  return read_xgboost(*document, path);
}

bool has_formula_ending(const std::string& path) {
  return absl::EndsWithIgnoreCase(path, ".txt") || absl::EndsWithIgnoreCase(path, ".formula");
}

}  // namespace

absl::StatusOr<FloatModel> import_model(const std::string& path, const ImportOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    if (!options.weights_path.empty()) return holds_its_weights(path);
    return import_formula(path, options.formula_choice, options.formula_inputs);
  }
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
  if (format == Format::kOther && (is_hall_of_fame(head) || has_formula_ending(path))) {
    if (!options.weights_path.empty()) return holds_its_weights(path);
    return import_formula(path, options.formula_choice, options.formula_inputs);
  }
  if (!options.formula_choice.empty() || !options.formula_inputs.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", path, "' is no formula (.txt, .formula or PySR's .csv); --select and --inputs are for those"));
  }
  if (format == Format::kJson && !onnx) return import_json(path, options.weights_path);
  if (!options.weights_path.empty() && (onnx || format != Format::kOther)) return holds_its_weights(path);
  if (onnx) return import_onnx(path);
  if (format == Format::kHdf5) return import_keras_h5(path);
  if (format == Format::kZip) return import_keras_zip(path);
  if (format == Format::kUbjson) return import_ubjson(path);
  if (format == Format::kLightgbm || format == Format::kXml) {
    absl::StatusOr<std::string> text = files::read_file(path);
    if (!text.ok()) return text.status();
    return format == Format::kXml ? read_tmva(*text, path) : read_lightgbm(*text, path);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", path,
      "': expected a Keras .json (with its .h5), .h5 or .keras, an .onnx model, or a forest (XGBoost .json or "
      ".ubj, LightGBM .txt, conifer .json, TMVA .weights.xml), or a formula (.txt, .formula, PySR's hall_of_fame.csv); "
      "found none of them"));
}

}  // namespace strobe::import
