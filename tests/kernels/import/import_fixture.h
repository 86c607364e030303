#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "kernels/import/float_model.h"

/// Leaves the test where the shared models are absent; a failure in CI, where they must be there.
#define NEED_SHARED_DATA()                                                                                 \
  if (!std::filesystem::exists(shared_data())) {                                                           \
    const char* in_ci = std::getenv("CI");                                                                 \
    if (in_ci != nullptr && std::string(in_ci) == "true") FAIL() << "no shared data at " << shared_data(); \
    GTEST_SKIP() << "no shared data at " << shared_data() << " (set STROBE_SHARED_DATA)";                  \
  }

inline std::string shared_data() {
  const char* set = std::getenv("STROBE_SHARED_DATA");
  return set != nullptr ? set : std::string(STROBE_SOURCE_DIR) + "/../shared/data";
}

inline std::string model_path(const std::string& name) { return shared_data() + "/models/" + name; }

/// A folder of its own for a test's files, removed afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "strobe-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline const strobe::import::FloatLayer* find_layer(const strobe::import::FloatModel& model, const std::string& name) {
  for (const auto& layer : model.layers) {
    if (layer.name == name) return &layer;
  }
  return nullptr;
}
