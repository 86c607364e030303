#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/kernels/import/import_fixture.h"
#include "tests/kernels/quantise/golden.h"

/// Keras and QKeras networks against hls4ml's C simulation: with its configuration, every bit of every answer and
/// trace.
namespace strobe {
namespace {

using testing::Arrays;
using testing::Events;

constexpr size_t kMaxRows = 128;

const std::set<std::string>& dense_networks() {
  static const std::set<std::string> kNames = {"dense",
                                               "dense_nobias",
                                               "dense_batchnorm_relu",
                                               "dense_multidim",
                                               "batchnorm",
                                               "batchnorm_image",
                                               "mlp_softmax",
                                               "residual",
                                               "tiny_autoencoder",
                                               "act_elu",
                                               "act_elu_alpha",
                                               "act_hard_sigmoid",
                                               "act_leaky_relu",
                                               "act_prelu",
                                               "act_relu",
                                               "act_selu",
                                               "act_sigmoid",
                                               "act_softmax",
                                               "act_softmax_axis1",
                                               "act_softmax_multidim",
                                               "act_softplus",
                                               "act_softsign",
                                               "act_tanh",
                                               "merge_add",
                                               "merge_average",
                                               "merge_concatenate",
                                               "merge_concatenate_axis1",
                                               "merge_maximum",
                                               "merge_minimum",
                                               "merge_multiply",
                                               "merge_subtract",
                                               "reshape_dense",
                                               "permute",
                                               "permute3",
                                               "KERAS_3layer",
                                               "KERAS_3layer_binary_smaller",
                                               "KERAS_3layer_ternary_small",
                                               "qkeras_3layer"};
  return kNames;
}

/// hls4ml is wrong there; a test of its own says what is right.
const std::set<std::string>& peer_wrong() {
  static const std::set<std::string> kNames = {"act_selu__stream"};
  return kNames;
}

struct Published {
  std::string folder;  ///< below models/
  std::string name;    ///< model__variant
  std::string model() const { return name.substr(0, name.find("__")); }
  std::string stem() const { return model_path(folder + "/expected/" + name); }
};

void PrintTo(const Published& p, std::ostream* out) { *out << p.folder << "/" << p.name; }

/// Every published answer of the dense networks.
std::vector<Published> published() {
  std::vector<Published> found;
  for (const char* folder : {"layers", "keras"}) {
    const std::filesystem::path expected = model_path(std::string(folder) + "/expected");
    if (!std::filesystem::exists(expected)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(expected)) {
      const Published candidate{folder, entry.path().stem().string()};
      if (entry.path().extension() != ".yml" || peer_wrong().contains(candidate.name)) continue;
      if (dense_networks().contains(candidate.model())) found.push_back(candidate);
    }
  }
  std::sort(found.begin(), found.end(), [](const Published& a, const Published& b) { return a.name < b.name; });
  return found;
}

absl::StatusOr<import::FloatModel> import_network(const Published& p) {
  if (p.folder == "layers") return import::import_model(model_path("layers/" + p.model() + ".keras"));
  const std::string stem = model_path(p.folder + "/" + p.model());
  return import::import_model(stem + ".json", {.weights_path = stem + "_weights.h5"});
}

std::vector<Events> stimulus(const Arrays& arrays) {
  if (!arrays.contains("input_raw")) return {testing::shared_jets(kMaxRows)};
  std::vector<Events> inputs;
  for (int i = 0;; ++i) {
    const std::string suffix = i == 0 ? "" : absl::StrCat("_", i);
    const auto raw = arrays.find("input_raw" + suffix);
    if (raw == arrays.end()) return inputs;
    const double fraction = arrays.at("input_frac_bits" + suffix).number(0);
    inputs.push_back(testing::events_of(raw->second, kMaxRows, std::ldexp(1.0, -static_cast<int>(fraction))));
  }
}

/// One-bit tensors hold 0 and 1 for -1 and +1.
std::vector<double> as_numbers(std::vector<double> values, const YAML::Node& type) {
  const auto text = type.as<std::string>();
  if (text == "uint<1>" || text == "ap_uint<1>") {
    for (double& v : values) v = v > 0 ? 1 : -1;
  }
  return values;
}

class Hls4mlKeras : public ::testing::TestWithParam<Published> {};

TEST_P(Hls4mlKeras, AnswersAndTracesAreEqualInEveryBit) {
  const Published& p = GetParam();
  const Arrays expected = testing::load_arrays(p.stem() + ".npz");
  const YAML::Node document = YAML::LoadFile(p.stem() + ".yml");
  const auto network = import_network(p);
  ASSERT_TRUE(network.ok()) << network.status();
  const std::string config = YAML::Dump(document["hls_config"]);
  const auto run = testing::run_network(*network, {config, "hls_config", std::nullopt}, stimulus(expected));
  ASSERT_TRUE(run.ok()) << run.status();

  const YAML::Node type = document["outputs"][0]["type"];
  const auto answers = as_numbers(testing::events_of(expected.at("output"), run->rows).values, type);
  EXPECT_EQ(testing::difference(run->outputs(), answers, run->rows), "");
  for (const YAML::Node& layer : document["layers"]) {
    const auto name = layer["name"].as<std::string>();
    const auto trace = expected.find("trace_" + name);
    const auto tensor = run->graph.find_tensor(name);
    if (trace == expected.end() || !tensor) continue;
    const Events events = testing::events_of(trace->second, run->rows);
    std::vector<double> found = run->values(*tensor);
    found.resize(found.size() / run->rows * events.rows);
    EXPECT_EQ(testing::difference(found, as_numbers(events.values, layer["outputs"][0]["type"]), events.rows), "")
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, Hls4mlKeras, ::testing::ValuesIn(published()),
                         [](const auto& p) { return p.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Hls4mlKeras);

TEST(Hls4mlKerasSuite, CoversEveryPublishedDenseNetwork) {
  NEED_SHARED_DATA();
  std::set<std::string> seen;
  for (const Published& p : published()) seen.insert(p.model());
  EXPECT_EQ(seen, dense_networks());
}

TEST(Hls4mlKerasSuite, AcceptsTheConfigurationUnderHlsConfigToo) {
  NEED_SHARED_DATA();
  const Published p{"keras", "qkeras_3layer__auto"};
  const auto network = import_network(p);
  ASSERT_TRUE(network.ok()) << network.status();
  YAML::Node wrapped;
  wrapped["HLSConfig"] = YAML::LoadFile(p.stem() + ".yml")["hls_config"];
  const Arrays expected = testing::load_arrays(p.stem() + ".npz");
  const auto run = testing::run_network(*network, {YAML::Dump(wrapped), "wrapped", std::nullopt}, stimulus(expected));
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(testing::difference(run->outputs(), testing::events_of(expected.at("output"), run->rows).values, run->rows),
            "");
}

/// hls4ml's stream version casts selu's factor to the data type and loses most of it; its parallel version does not.
TEST(Hls4mlKerasSuite, SeluFollowsTheFrameworkWhereTheStreamVersionLosesItsFactor) {
  NEED_SHARED_DATA();
  const Published stream{"layers", "act_selu__stream"};
  const auto network = import_network(stream);
  ASSERT_TRUE(network.ok()) << network.status();
  const Arrays wrong = testing::load_arrays(stream.stem() + ".npz");
  const std::string config = YAML::Dump(YAML::LoadFile(stream.stem() + ".yml")["hls_config"]);
  const auto run = testing::run_network(*network, {config, "stream", std::nullopt}, stimulus(wrong));
  ASSERT_TRUE(run.ok()) << run.status();
  const Arrays parallel = testing::load_arrays(model_path("layers/expected/act_selu__default.npz"));
  EXPECT_EQ(testing::difference(run->outputs(), testing::events_of(parallel.at("output"), run->rows).values, run->rows),
            "");
  const auto truth = testing::events_of(wrong.at("framework_output"), run->rows).values;
  const auto theirs = testing::events_of(wrong.at("output"), run->rows).values;
  double ours_off = 0, theirs_off = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    ours_off += std::abs(run->outputs()[i] - truth[i]);
    theirs_off += std::abs(theirs[i] - truth[i]);
  }
  EXPECT_LT(ours_off, theirs_off);
}

}  // namespace
}  // namespace strobe
