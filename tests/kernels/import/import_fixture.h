#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "kernels/import/float_model.h"
#include "tests/shared_data.h"

using strobe::shared_data;

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
