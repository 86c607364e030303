#include "host/server/model_store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/server/config_text.h"

namespace strobe::server {
namespace {

namespace fs = std::filesystem;

/// Of config.pbtxt: which model of an xclbin that holds several.
constexpr char kKernelParameter[] = "kernel";
/// Of config.pbtxt: the xclbin with the forest engine, relative to the folder of all models.
constexpr char kEngineParameter[] = "engine";
constexpr char kConfigFile[] = "config.pbtxt", kModelFile[] = "model.xclbin", kForestFile[] = "model.sfi",
               kEngineFile[] = "engine.xclbin";

/// The number a version is written as, or 0 where `text` is not a positive decimal integer.
int64_t parse_version(const std::string& text) {
  int64_t version = 0;
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits && absl::SimpleAtoi(text, &version) ? version : 0;
}

absl::StatusOr<inference::ModelConfig> read_config(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return inference::ModelConfig();
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path.string(), ": cannot be read"));
  return parse_config(path.string(), text.str());
}

/// The folder's version numbers that the configuration's policy lets in (all of them where it has none).
std::set<int64_t> choose_versions(const fs::path& folder, const inference::ModelVersionPolicy& policy,
                                  const ModelStore::Log& log) {
  std::set<int64_t> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code unreadable;
    if (!it->is_directory(unreadable)) continue;
    const int64_t version = parse_version(it->path().filename().string());
    if (version > 0) {
      found.insert(version);
    } else {
      log(absl::StrCat("model folder ", it->path().string(), ": ignored, a version is a positive integer"));
    }
  }
  if (policy.has_latest()) {
    const size_t keep = std::max<uint32_t>(1, policy.latest().num_versions());
    while (found.size() > keep) found.erase(found.begin());
  } else if (policy.has_specific()) {
    const auto& wanted = policy.specific().versions();
    std::erase_if(found, [&](int64_t v) { return std::find(wanted.begin(), wanted.end(), v) == wanted.end(); });
  }
  return found;
}

std::string parameter(const inference::ModelConfig& config, const char* name, const char* fallback) {
  const auto found = config.parameters().find(name);
  return found == config.parameters().end() ? fallback : found->second.string_value();
}

/// The file of a version: a model, or a forest for an engine. Empty: there is none.
fs::path file_of(const fs::path& version) {
  std::error_code error;
  for (const char* name : {kModelFile, kForestFile}) {
    if (fs::exists(version / name, error)) return version / name;
  }
  return {};
}

/// Tells a file from a later one in its place.
std::string state_of(const fs::path& file) {
  std::error_code error;
  const auto time = fs::last_write_time(file, error);
  const auto size = fs::file_size(file, error);
  return error ? "missing" : absl::StrCat(time.time_since_epoch().count(), " ", size);
}

absl::StatusOr<std::unique_ptr<ServedModel>> load_version(const fs::path& root, const std::string& name,
                                                          int64_t version, const inference::ModelConfig& config,
                                                          ModelLoader& loader, const runtime::RunnerOptions& options) {
  const fs::path folder = root / name / absl::StrCat(version);
  const fs::path file = file_of(folder);
  if (file.empty()) {
    return absl::NotFoundError(
        absl::StrCat(folder.string(), ": expected ", kModelFile, " or ", kForestFile, ", found neither"));
  }
  const std::string kernel = parameter(config, kKernelParameter, "");
  absl::StatusOr<LoadedModel> loaded =
      file.filename() == kForestFile
          ? loader.load_forest(file.string(), (root / parameter(config, kEngineParameter, kEngineFile)).string(),
                               kernel)
          : loader.load(file.string(), name, kernel);
  if (!loaded.ok()) return loaded.status();
  return open_model(name, version, *std::move(loaded), config, options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelStore>> ModelStore::open(const std::string& folder, ModelLoader& loader,
                                                             const runtime::RunnerOptions& options, const Log& log) {
  auto store = std::make_unique<ModelStore>();
  store->folder_ = folder;
  store->loader_ = &loader;
  store->options_ = options;
  store->log_ = log;
  std::error_code error;
  const fs::directory_iterator readable(folder, error);
  if (error) return absl::NotFoundError(absl::StrCat("model folder '", folder, "': ", error.message()));
  store->refresh();
  if (store->models_.empty()) log(absl::StrCat("model folder '", folder, "' holds no model"));
  return store;
}

void ModelStore::refresh() {
  for (; stopped_ < retired_.size(); ++stopped_) retired_[stopped_]->runner->stop();
  std::error_code error;
  std::set<std::string> names;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code unreadable;
    if (it->is_directory(unreadable) && name.front() != '.') names.insert(name);
  }
  for (const std::string& name : names) refresh_model(name);
}

void ModelStore::refresh_model(const std::string& name) {
  const fs::path folder = fs::path(folder_) / name;
  {
    const std::unique_lock lock(mutex_);
    models_[name];
  }
  const absl::StatusOr<inference::ModelConfig> config = read_config(folder / kConfigFile);
  if (!config.ok()) {
    if (!reported(name, std::string(config.status().message())))
      log_(absl::StrCat("model '", name, "' is not served: ", config.status().message()));
    return;
  }
  const std::set<int64_t> chosen = choose_versions(folder, config->version_policy(), [&](const std::string& line) {
    if (!reported(line, "")) log_(line);
  });
  for (const int64_t version : chosen) {
    if (!has(name, version)) load(name, version, *config);
  }
  retire(name, chosen);
  if (chosen.empty() && !reported(name, "empty")) {
    log_(absl::StrCat("model '", name, "' is not served: no version found, expected a file such as ",
                      (folder / "1" / kModelFile).string()));
  }
}

void ModelStore::load(const std::string& name, int64_t version, const inference::ModelConfig& config) {
  const fs::path folder = fs::path(folder_) / name / absl::StrCat(version);
  const std::string state =
      absl::StrCat(state_of(file_of(folder)), ", ", state_of(fs::path(folder_) / name / kConfigFile), ", ",
                   state_of(fs::path(folder_) / parameter(config, kEngineParameter, kEngineFile)));
  if (reported(folder.string(), state)) return;
  auto model = load_version(folder_, name, version, config, *loader_, options_);
  log_(model.ok() ? absl::StrCat("model '", name, "' version ", version, " is ready")
                  : absl::StrCat("model '", name, "' version ", version, " is not served: ", model.status().message()));
  const std::unique_lock lock(mutex_);
  models_[name][version] = model.ok() ? *std::move(model) : nullptr;
}

/// Takes versions out that were loaded and are not wanted any more, once a newer one serves.
void ModelStore::retire(const std::string& name, const std::set<int64_t>& chosen) {
  const std::unique_lock lock(mutex_);
  Versions& versions = models_[name];
  for (auto it = versions.begin(); it != versions.end();) {
    const bool newer_serves =
        std::any_of(std::next(it), versions.end(), [](const auto& v) { return v.second != nullptr; });
    if (chosen.contains(it->first) || (it->second != nullptr && !newer_serves)) {
      ++it;
      continue;
    }
    if (it->second != nullptr) {
      log_(absl::StrCat("model '", name, "' version ", it->first, " is no longer served"));
      retired_.push_back(std::move(it->second));
    }
    it = versions.erase(it);
  }
}

/// Whether this was reported in that state; it is from now on.
bool ModelStore::reported(const std::string& what, const std::string& state) {
  const auto [at, is_new] = failures_.try_emplace(what, state);
  const bool same = !is_new && at->second == state;
  at->second = state;
  return same;
}

bool ModelStore::has(const std::string& name, int64_t version) const {
  const std::shared_lock lock(mutex_);
  const Versions& versions = models_.at(name);
  const auto at = versions.find(version);
  return at != versions.end() && at->second != nullptr;
}

absl::StatusOr<ServedModel*> ModelStore::find(const std::string& name, const std::string& version) const {
  const std::shared_lock lock(mutex_);
  const auto model = models_.find(name);
  if (model == models_.end()) {
    return absl::NotFoundError(absl::StrCat("Request for unknown model: '", name, "' is not found"));
  }
  const Versions& versions = model->second;
  if (version.empty()) {
    ServedModel* newest = nullptr;
    for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
      if (it->second == nullptr) continue;
      if (versions.size() == 1 || it->second->runner->health().ok()) return it->second.get();
      if (newest == nullptr) newest = it->second.get();
    }
    if (newest != nullptr) return newest;
    return absl::UnavailableError(absl::StrCat("Request for unknown model: '", name, "' has no available versions"));
  }
  const int64_t number = parse_version(version);
  if (number == 0) {
    return absl::InvalidArgumentError(absl::StrCat("failed to get model version from specified version string '",
                                                   version, "' for model '", name, "': expected a positive integer"));
  }
  const auto found = versions.find(number);
  if (found == versions.end()) {
    return absl::NotFoundError(
        absl::StrCat("Request for unknown model: '", name, "' version ", number, " is not found"));
  }
  if (found->second == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("Request for unknown model: '", name, "' version ", number, " is not at ready state"));
  }
  return found->second.get();
}

std::vector<ServedModel*> ModelStore::versions(const std::string& name) const {
  const std::shared_lock lock(mutex_);
  std::vector<ServedModel*> result;
  const auto model = models_.find(name);
  if (model == models_.end()) return result;
  for (const auto& [version, served] : model->second) {
    if (served != nullptr) result.push_back(served.get());
  }
  return result;
}

std::vector<ServedModel*> ModelStore::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<ServedModel*> result;
  for (const auto& [name, versions] : models_) {
    for (const auto& [version, served] : versions) {
      if (served != nullptr) result.push_back(served.get());
    }
  }
  std::sort(result.begin(), result.end(), [](const ServedModel* a, const ServedModel* b) {
    return std::pair(a->name, a->version) < std::pair(b->name, b->version);
  });
  return result;
}

bool ModelStore::ready() const {
  const std::vector<ServedModel*> models = all();
  return !models.empty() &&
         std::all_of(models.begin(), models.end(), [](ServedModel* m) { return m->runner->health().ok(); });
}

void ModelStore::stop() {
  for (ServedModel* model : all()) model->runner->stop();
}

}  // namespace strobe::server
