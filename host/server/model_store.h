#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/model_runner.h"
#include "host/server/model_loader.h"
#include "host/server/served_model.h"

namespace strobe::server {

/// The models of a folder in Triton's layout: `name/version/model.xclbin`, optional `name/config.pbtxt`.
///
/// Loaded once; lookups never touch the file system. A model that cannot be loaded is reported and not ready; it never
/// stops the others. Thread-safe after `open`.
class ModelStore {
 public:
  using Log = std::function<void(const std::string&)>;

  /// Loads all models below `folder`; one log line for each, good or bad.
  /// Errors: NotFound where the folder cannot be read.
  static absl::StatusOr<std::unique_ptr<ModelStore>> open(const std::string& folder, ModelLoader& loader,
                                                          const runtime::RunnerOptions& options, const Log& log);

  /// The model that a request names; version "" is the newest that is ready (the newest at all while none is).
  /// Errors: NotFound, Unavailable (not loaded), InvalidArgument (a version that is not a positive integer).
  absl::StatusOr<ServedModel*> find(const std::string& name, const std::string& version) const;
  /// All loaded versions of a model, oldest first. Empty for an unknown model.
  std::vector<ServedModel*> versions(const std::string& name) const;
  /// Every loaded version of every model, by name and version.
  std::vector<ServedModel*> all() const;
  /// Whether something is loaded and every loaded model's device answers.
  bool ready() const;
  /// Stops all runners. Later requests are answered Unavailable.
  void stop();

 private:
  /// A version whose model could not be loaded is null.
  using Versions = std::map<int64_t, std::unique_ptr<ServedModel>>;
  absl::flat_hash_map<std::string, Versions> models_;
};

}  // namespace strobe::server
