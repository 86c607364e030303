#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
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
  /// Reads the xclbin at `path`. The device itself is opened later, by the spec's factory.
  /// Errors: whatever is wrong with the file, in words for a person.
  virtual absl::StatusOr<LoadedModel> load(const std::string& path) = 0;
};

}  // namespace strobe::server
