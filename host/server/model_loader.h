#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "host/runtime/request.h"

namespace strobe::server {

/// What an xclbin says about the model inside.
struct LoadedModel {
  runtime::ModelSpec spec;
  /// Shown to clients by ModelMetadata: fixed-point types, provenance.
  std::map<std::string, std::string> properties;
};

/// Opens model files. The service knows nothing of xclbins, graphs and devices; whoever wires it together does.
class ModelLoader {
 public:
  virtual ~ModelLoader() = default;
  /// Reads the xclbin at `path` and takes one of its models: `kernel`, or where that is empty the only one, or the one
  /// called `name`, as clients call it. The device itself is opened later, by the spec's factory; models of one xclbin
  /// share it. Errors: whatever is wrong with the file or the choice, in words for a person.
  virtual absl::StatusOr<LoadedModel> load(const std::string& path, const std::string& name,
                                           const std::string& kernel) = 0;
  /// Reads the forest file at `path` for the forest engine `kernel` (or the only one) of the xclbin `engine`. Forests
  /// of one xclbin share its device. Errors: as above, and a forest that the engine does not hold; Unimplemented for a
  /// loader that knows no engines.
  virtual absl::StatusOr<LoadedModel> load_forest(const std::string& path, const std::string& engine,
                                                  const std::string& kernel) {
    return absl::UnimplementedError(
        absl::StrCat(path, ": no forests are served here (engine '", engine, "', kernel '", kernel, "')"));
  }
};

}  // namespace strobe::server
