#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/import/forest_json.h"
#include "kernels/import/forest_reference.h"
#include "kernels/import/forest_tree.h"
#include "kernels/import/lightgbm.h"
#include "kernels/import/onnx.h"
#include "kernels/import/tmva.h"
#include "kernels/import/ubjson.h"

namespace {

using strobe::import::FloatModel;
using strobe::import::Json;

absl::StatusOr<FloatModel> read_document(const absl::StatusOr<Json>& document) {
  if (!document.ok()) return document.status();
  if (strobe::import::is_xgboost(*document)) return strobe::import::read_xgboost(*document, "fuzz");
  return strobe::import::read_conifer(*document, "fuzz");
}

absl::StatusOr<FloatModel> read(char format, std::string_view bytes) {
  switch (format) {
    case 'j':
      return read_document(strobe::import::parse_python_json(bytes, "fuzz"));
    case 'u':
      return read_document(strobe::import::parse_ubjson(bytes, "fuzz"));
    case 'l':
      return strobe::import::read_lightgbm(bytes, "fuzz");
    case 't':
      return strobe::import::read_tmva(bytes, "fuzz");
    default:
      return strobe::import::import_onnx_bytes(bytes, "fuzz");
  }
}

}  // namespace

/// The first byte chooses the format: j JSON (XGBoost or conifer), u UBJSON, l LightGBM, t TMVA, else ONNX. Whatever is
/// accepted must verify, and evaluate without a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto model = read(bytes[0], bytes.substr(1));
  if (!model.ok()) return 0;
  for (const auto& layer : model->layers) {
    if (layer.forest == nullptr) continue;
    if (!strobe::import::verify(*layer.forest).ok()) std::abort();
    const std::vector<double> event(static_cast<size_t>(layer.forest->features), 0.25);
    auto result = strobe::import::evaluate_forest(*layer.forest, event, 1);
    // An oblique split may overflow to NaN, which is an event's error.
    if (result.ok()) strobe::import::apply_post_transform(*layer.forest, result->margins);
  }
  return 0;
}
