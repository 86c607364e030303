#include "host/server/model_store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
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

absl::StatusOr<std::unique_ptr<ServedModel>> load_version(const fs::path& folder, const std::string& name,
                                                          int64_t version, const inference::ModelConfig& config,
                                                          ModelLoader& loader, const runtime::RunnerOptions& options) {
  const fs::path file = folder / absl::StrCat(version) / "model.xclbin";
  std::error_code error;
  if (!fs::exists(file, error)) return absl::NotFoundError(absl::StrCat(file.string(), " does not exist"));
  const auto kernel = config.parameters().find(kKernelParameter);
  absl::StatusOr<LoadedModel> loaded =
      loader.load(file.string(), name, kernel == config.parameters().end() ? "" : kernel->second.string_value());
  if (!loaded.ok()) return loaded.status();
  return open_model(name, version, *std::move(loaded), config, options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelStore>> ModelStore::open(const std::string& folder, ModelLoader& loader,
                                                             const runtime::RunnerOptions& options, const Log& log) {
  auto store = std::make_unique<ModelStore>();
  std::error_code error;
  std::set<fs::path> folders;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const bool hidden = it->path().filename().string().front() == '.';
    std::error_code unreadable;
    if (it->is_directory(unreadable) && !hidden) folders.insert(it->path());
  }
  if (error) return absl::NotFoundError(absl::StrCat("model folder '", folder, "': ", error.message()));

  for (const fs::path& path : folders) {
    const std::string name = path.filename().string();
    Versions& versions = store->models_[name];
    const absl::StatusOr<inference::ModelConfig> config = read_config(path / "config.pbtxt");
    if (!config.ok()) {
      log(absl::StrCat("model '", name, "' is not served: ", config.status().message()));
      continue;
    }
    for (const int64_t version : choose_versions(path, config->version_policy(), log)) {
      auto model = load_version(path, name, version, *config, loader, options);
      log(model.ok()
              ? absl::StrCat("model '", name, "' version ", version, " is ready")
              : absl::StrCat("model '", name, "' version ", version, " is not served: ", model.status().message()));
      versions[version] = model.ok() ? *std::move(model) : nullptr;
    }
    if (versions.empty()) {
      log(absl::StrCat("model '", name, "' is not served: no version found, expected a file such as ",
                       (path / "1" / "model.xclbin").string()));
    }
  }
  if (folders.empty()) log(absl::StrCat("model folder '", folder, "' holds no model"));
  return store;
}

absl::StatusOr<ServedModel*> ModelStore::find(const std::string& name, const std::string& version) const {
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
  std::vector<ServedModel*> result;
  const auto model = models_.find(name);
  if (model == models_.end()) return result;
  for (const auto& [version, served] : model->second) {
    if (served != nullptr) result.push_back(served.get());
  }
  return result;
}

std::vector<ServedModel*> ModelStore::all() const {
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
