/// The whole program on real models: every network becomes an xclbin, and every way of running it gives the same bits.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "host/io/files.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;

std::string shared_data() {
  const char* given = std::getenv("STROBE_SHARED_DATA");
  return given != nullptr ? given : STROBE_SOURCE_DIR "/../shared/data";
}

bool shared_data_missing() { return !fs::is_directory(shared_data()); }

/// Skips where the reference data are absent; in CI they must be there.
#define NEED_SHARED_DATA()                                                                     \
  if (shared_data_missing()) {                                                                 \
    if (std::getenv("CI") != nullptr) FAIL() << shared_data() << " is missing in CI";          \
    GTEST_SKIP() << "needs the reference data in " << shared_data() << ", which are not here"; \
  }

struct Outcome {
  int status = -1;
  std::string out, err;
};

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Ways : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("strobe-ways-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  Outcome strobe(const std::string& arguments) const {
    const std::string command =
        STROBE_PROGRAM " " + arguments + " >" + file("out") + " 2>" + file("err") + " </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(file("out")), slurp(file("err"))};
  }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }

  /// The configuration that a peer's answer was made with.
  std::string configuration(const std::string& expected) const {
    YAML::Node root;
    root["HLSConfig"] = YAML::LoadFile(expected + ".yml")["hls_config"];
    std::ofstream(file("config.yml")) << root;
    return file("config.yml");
  }

  /// The peer's scores as .npy, for --expected.
  std::string scores(const std::string& expected, const char* array) const {
    auto arrays = io::read_npz(expected + ".npz");
    EXPECT_TRUE(arrays.ok()) << arrays.status();
    for (const auto& [name, values] : *arrays) {
      if (name != array) continue;
      EXPECT_TRUE(io::write_npy(file("expected.npy"), io::Array::of(values.shape(), values.numbers())).ok());
    }
    return file("expected.npy");
  }

  /// Compiles for sw_emu and holds reference, emulator, HLS code, XRT and OpenCL against each other and against the
  /// peer.
  void expect_equal(const std::string& compile, const std::string& check) const {
    const Outcome compiled = strobe("compile " + compile + " --target sw_emu -o " + file("model.xclbin"));
    ASSERT_EQ(compiled.status, 0) << compiled.err;
    const Outcome checked = strobe("check " + file("model.xclbin") + " " + check + " --json");
    ASSERT_EQ(checked.status, 0) << checked.out << checked.err;
    for (const char* way : {"emulator", "HLS", "xrt", "opencl"}) EXPECT_THAT(checked.out, testing::HasSubstr(way));
    EXPECT_THAT(checked.out, testing::Not(testing::HasSubstr("not built"))) << checked.out;
  }

  fs::path folder_;
};

const char kJets[] = "/jets/features_fixed16_6.npy --raw-in";

struct KerasCase {
  const char* model;
  const char* variant;
};

class KerasWays : public Ways, public testing::WithParamInterface<KerasCase> {};

TEST_P(KerasWays, GiveThePeersBitsOnAllJets) {
  NEED_SHARED_DATA();
  const std::string models = shared_data() + "/models/keras/";
  const std::string model = GetParam().model;
  const std::string expected = models + "expected/" + model + "__" + GetParam().variant;
  expect_equal(models + model + ".json --weights " + models + model +
                   "_weights.h5 --input-type 'ap_fixed<16,6>' --config " + configuration(expected),
               shared_data() + kJets + " --expected " + scores(expected, "output"));
}

INSTANTIATE_TEST_SUITE_P(
    Jets, KerasWays,
    testing::Values(KerasCase{"qkeras_3layer", "default"}, KerasCase{"qkeras_3layer", "auto"},
                    KerasCase{"qkeras_3layer", "resource_rf4"}, KerasCase{"qkeras_3layer", "sat12"},
                    KerasCase{"qkeras_3layer", "softmax_legacy"}, KerasCase{"KERAS_3layer", "wide24"}),
    [](const auto& tested) { return std::string(tested.param.model) + "_" + tested.param.variant; });

class HgqWays : public Ways, public testing::WithParamInterface<const char*> {};

TEST_P(HgqWays, GiveKerasBitsOnAllJets) {
  NEED_SHARED_DATA();
  const std::string models = shared_data() + "/models/hgq/";
  expect_equal(models + GetParam() + ".keras --input-type 'ap_fixed<16,6>'",
               shared_data() + kJets + " --expected " + scores(models + "expected/" + GetParam(), "keras_output"));
}

INSTANTIATE_TEST_SUITE_P(Jets, HgqWays,
                         testing::Values("jsc_openml_ebops530", "jsc_openml_ebops2571", "jsc_openml_ebops13285"),
                         [](const auto& tested) { return std::string(tested.param); });

class OnnxWays : public Ways, public testing::WithParamInterface<KerasCase> {};

TEST_P(OnnxWays, GiveThePeersBitsOnAllJets) {
  NEED_SHARED_DATA();
  const std::string models = shared_data() + "/models/" + GetParam().model;
  const fs::path path = models;
  const std::string expected = path.parent_path() / "expected" / (path.filename().string() + "__" + GetParam().variant);
  expect_equal(models + ".onnx --input-type 'ap_fixed<16,6>' --config " + configuration(expected),
               shared_data() + kJets + " --expected " + scores(expected, "output"));
}

INSTANTIATE_TEST_SUITE_P(Jets, OnnxWays,
                         testing::Values(KerasCase{"qonnx/qkeras_jettagging", "auto"},
                                         KerasCase{"onnx/three_layer_bn_keras", "default"}),
                         [](const auto& tested) {
                           return fs::path(tested.param.model).filename().string() + "_" + tested.param.variant;
                         });

/// Rows of FP64 numbers from an array, for event files.
void write_events(const std::string& path, const io::Array& array, double step) {
  std::vector<double> numbers = array.numbers();
  for (double& x : numbers) x *= step;
  ASSERT_TRUE(io::write_npy(path, io::Array::of(array.shape(), std::move(numbers))).ok());
}

TEST_F(Ways, TheJetForestAgreesInEveryWayWithThePublishedAccuracy) {
  NEED_SHARED_DATA();
  const auto jets = io::read_npy(shared_data() + "/jets/features_fixed16_6.npy");
  ASSERT_TRUE(jets.ok()) << jets.status();
  write_events(file("jets.npy"), *jets, 1.0 / 1024);
  const std::string forest = shared_data() + "/models/trees/jets_xgboost.json",
                    labels = shared_data() + "/jets/labels.npy";
  expect_equal(forest, file("jets.npy") + " --labels " + labels);
  const Outcome checked = strobe("check " + file("model.xclbin") + " " + file("jets.npy") + " --labels " + labels);
  EXPECT_THAT(checked.out, testing::HasSubstr("77.64 % (77.64 %)"));
  EXPECT_THAT(checked.out, testing::HasSubstr("100.00 % of events as floating point"));
  expect_equal(forest + " --input-type 'ap_fixed<16,6>'", shared_data() + kJets + " --labels " + labels);
}

TEST_F(Ways, ConifersArithmeticGivesItsBitsOnAllJets) {
  NEED_SHARED_DATA();
  const std::string trees = shared_data() + "/models/trees/";
  std::ofstream(file("conifer.yml")) << "{Compatibility: conifer, Precision: 'ap_fixed<16,6>'}";
  for (const char* name : {"jets_xgboost", "ydf_oblique_binary"}) {
    expect_equal(trees + name + "_conifer.json --config " + file("conifer.yml"),
                 shared_data() + kJets + " --expected " + scores(trees + "expected/" + name + "__fx16_6", "score"));
  }
}

TEST_F(Ways, MissingValuesGoTheFrameworksWayAndLeavesAreItsOwn) {
  NEED_SHARED_DATA();
  const std::string trees = shared_data() + "/models/trees/";
  const auto arrays = io::read_npz(trees + "expected/xgb_missing__framework.npz");
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  std::map<std::string, io::Array> by_name;
  for (const auto& [name, array] : *arrays) by_name.emplace(name, array);
  write_events(file("events.npy"), by_name.at("inputs"), 1);
  expect_equal(trees + "xgb_missing.json", file("events.npy"));
  const Outcome run =
      strobe("run " + file("model.xclbin") + " " + file("events.npy") + " --leaves -o " + file("leaves.npy"));
  ASSERT_EQ(run.status, 0) << run.err;
  const auto leaves = io::read_npy(file("leaves.npy"));
  ASSERT_TRUE(leaves.ok()) << leaves.status();
  EXPECT_EQ(leaves->numbers(), by_name.at("leaf_index").numbers());
  const Outcome inspected = strobe("inspect " + file("model.xclbin"));
  EXPECT_THAT(inspected.out, testing::HasSubstr("float32 keys, missing = -2147483648"));
  EXPECT_THAT(inspected.out, testing::HasSubstr("50 trees, depth 4"));
}

TEST_F(Ways, TheSampleForestAgreesInEveryWay) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/jets/";
  const auto jets = io::read_npy(data + "features.npy");
  ASSERT_TRUE(jets.ok()) << jets.status();
  write_events(file("jets.npy"), *jets, 1.0 / 1024);
  expect_equal(data + "jets_forest.json", file("jets.npy") + " --labels " + data + "labels.npy");
}

TEST_F(Ways, TheSampleNetworkGivesItsFrameworksBits) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/jets/";
  const auto expected = io::read_npy(data + "expected_hgq.npy");
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_TRUE(io::write_npy(file("expected.npy"), io::Array::of(expected->shape(), expected->numbers())).ok());
  expect_equal(data + "jets_hgq.keras --input-type 'ap_fixed<16,6>'",
               data + "features.npy --raw-in --labels " + data + "labels.npy --expected " + file("expected.npy"));
}

TEST_F(Ways, TheSampleFloatNetworkAgreesInEveryWay) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/jets/";
  expect_equal(data + "jets_float.keras --input-type 'ap_fixed<16,6>'",
               data + "features.npy --raw-in --labels " + data + "labels.npy");
}

TEST_F(Ways, TwoInputsAndTwoOutputsRunFromAndToNpz) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/two_branch/";
  expect_equal(data + "two_branch.keras", data + "events.npz");
  const Outcome run = strobe("run " + file("model.xclbin") + " " + data + "events.npz -o " + file("scores.npz"));
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, testing::HasSubstr("xrt:0"));
  const auto scores = io::read_npz(file("scores.npz"));
  const auto expected = io::read_npz(data + "expected.npz");
  ASSERT_TRUE(scores.ok() && expected.ok());
  ASSERT_EQ(scores->size(), 2U);
  for (const auto& [name, values] : *expected) {
    const auto it = std::find_if(scores->begin(), scores->end(), [&](const auto& s) { return s.name == name; });
    ASSERT_NE(it, scores->end()) << name;
    for (int64_t i = 0; i < values.elements(); ++i)
      ASSERT_NEAR(it->array.number(i), values.number(i), 0.02) << name << " " << i;
  }
}

TEST_F(Ways, CompilingTwiceGivesTheSameBytes) {
  const std::string model = STROBE_SOURCE_DIR "/tests/data/jets/jets_hgq.keras";
  for (const char* name : {"a.xclbin", "b.xclbin"}) {
    ASSERT_EQ(strobe("compile " + model + " --target emulator -o " + file(name)).status, 0);
  }
  EXPECT_EQ(slurp(file("a.xclbin")), slurp(file("b.xclbin")));
}

}  // namespace
}  // namespace strobe
