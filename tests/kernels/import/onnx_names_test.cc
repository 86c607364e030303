#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "kernels/import/onnx.h"

namespace strobe::import {
namespace {

namespace fs = std::filesystem;

fs::path shared_data() {
  if (const char* given = std::getenv("STROBE_SHARED_DATA")) return given;
  return fs::path(STROBE_SOURCE_DIR) / "../shared/data";
}

bool in_ci() {
  const char* ci = std::getenv("CI");
  return ci && std::string(ci) == "true";
}

std::set<std::string> known_names(const FloatModel& model) {
  std::set<std::string> names;
  for (const FloatLayer& layer : model.layers) {
    names.insert(layer.name);
    names.insert(layer.absorbed.begin(), layer.absorbed.end());
  }
  return names;
}

class PublishedModel : public testing::TestWithParam<std::pair<const char*, const char*>> {};

// A user's hls4ml configuration, made on the graph that QONNX's cleanup gave, must find each of its layers here.
TEST_P(PublishedModel, HasEveryLayerThatItsHls4mlConfigurationNames) {
  auto [folder, name] = GetParam();
  fs::path file = shared_data() / "models" / folder / (std::string(name) + ".onnx");
  if (!fs::exists(file)) {
    ASSERT_FALSE(in_ci()) << "CI must have " << file;
    GTEST_SKIP() << "no " << file;
  }
  absl::StatusOr<FloatModel> model = import_onnx(file.string());
  ASSERT_TRUE(model.ok()) << model.status();
  YAML::Node expected =
      YAML::LoadFile((shared_data() / "models" / folder / "expected" / (std::string(name) + "__auto.yml")).string());
  std::set<std::string> configured;
  for (const auto& entry : expected["hls_config"]["LayerName"]) configured.insert(entry.first.as<std::string>());
  ASSERT_GT(configured.size(), 5u);
  EXPECT_THAT(known_names(*model), testing::IsSupersetOf(configured));
  // Nothing is named that hls4ml does not have: the numbering agrees, it is not merely longer.
  std::set<std::string> ours = known_names(*model);
  EXPECT_EQ(ours, configured);
  EXPECT_EQ(model->inputs[0].shape, expected["inputs"][0]["shape"].as<std::vector<int64_t>>());
  EXPECT_EQ(model->outputs[0].shape, expected["outputs"][0]["shape"].as<std::vector<int64_t>>());
}

INSTANTIATE_TEST_SUITE_P(Shared, PublishedModel,
                         testing::Values(std::pair("onnx", "bnn_model_fc_1layer"),
                                         std::pair("onnx", "three_layer_bn_keras"),
                                         std::pair("onnx", "dense_big_keras"), std::pair("qonnx", "TFC_2W2A"),
                                         std::pair("qonnx", "qkeras_jettagging")),
                         [](const auto& p) { return std::string(p.param.second); });

}  // namespace
}  // namespace strobe::import
