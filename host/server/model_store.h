#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/model_runner.h"
#include "host/server/model_loader.h"
#include "host/server/served_model.h"

namespace strobe::server {

/// The models of a folder in Triton's layout: `name/version/model.xclbin`, optional `name/config.pbtxt`. A version may
/// hold `model.sfi` instead, a forest for the forest engine of the xclbin that config.pbtxt's parameter "engine" names,
/// by its path in the folder; without one it is `engine.xclbin`.
///
/// Loaded by `open`, and what is new since by `refresh`; lookups never touch the file system. A model that cannot be
/// loaded is reported and not ready; it never stops the others. Thread-safe after `open`; a ServedModel lives as long
/// as the store.
class ModelStore {
 public:
  using Log = std::function<void(const std::string&)>;

  /// Loads all models below `folder`; one log line for each, good or bad.
  /// Errors: NotFound where the folder cannot be read.
  static absl::StatusOr<std::unique_ptr<ModelStore>> open(const std::string& folder, ModelLoader& loader,
                                                          const runtime::RunnerOptions& options, const Log& log);

  /// Loads what the folder holds now and did not before: models, versions, and versions that could not be loaded and
  /// have another file now. A log line for each. What is there already stays as it is, and serves meanwhile; a version
  /// that the policy of config.pbtxt drops for a newer one is stopped by the call after the next. One thread at a time.
  void refresh();

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
  /// What was tried and reported, and in which state, so that it is not again before that changes.
  using Failures = std::map<std::string, std::string>;

  void refresh_model(const std::string& name);
  void load(const std::string& name, int64_t version, const inference::ModelConfig& config);
  void retire(const std::string& name, const std::set<int64_t>& chosen);
  bool reported(const std::string& what, const std::string& state);
  bool has(const std::string& name, int64_t version) const;

  std::string folder_;
  ModelLoader* loader_ = nullptr;
  runtime::RunnerOptions options_;
  Log log_;
  Failures failures_;
  std::vector<std::unique_ptr<ServedModel>> retired_;  ///< kept: a request may have found them just before
  size_t stopped_ = 0;                                 ///< of the retired ones, the first
  mutable std::shared_mutex mutex_;                    ///< guards `models_`
  absl::flat_hash_map<std::string, Versions> models_;
};

}  // namespace strobe::server
