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
  /// Reads the xclbin at `path` and takes one of its models: `kernel`, or where that is empty the only one, or the one
  /// called `name`, as clients call it. The device itself is opened later, by the spec's factory; models of one xclbin
  /// share it. Errors: whatever is wrong with the file or the choice, in words for a person.
  virtual absl::StatusOr<LoadedModel> load(const std::string& path, const std::string& name,
                                           const std::string& kernel) = 0;
};

}  // namespace strobe::server
