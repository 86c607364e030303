#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "host/io/files.h"
#include "kernels/import/onnx.h"
#include "kernels/layers/reference.h"
#include "kernels/quantise/quantise.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using Arrays = std::map<std::string, io::Array>;

fs::path shared_models() {
  const char* given = std::getenv("STROBE_SHARED_DATA");
  return fs::path(given ? given : STROBE_SOURCE_DIR "/../shared/data") / "models";
}

/// True where the test must stop: the shared data is not there.
bool absent(const fs::path& file) {
  if (fs::exists(file)) return false;
  const char* ci = std::getenv("CI");
  EXPECT_FALSE(ci && std::string(ci) == "true") << "CI must have " << file;
  return true;
}

Arrays load(const fs::path& file) {
  Arrays arrays;
  auto read = io::read_npz(file.string());
  EXPECT_TRUE(read.ok()) << read.status();
  if (read.ok())
    for (io::NamedArray& entry : *read) arrays.emplace(entry.name, std::move(entry.array));
  return arrays;
}

struct Run {
  model::Graph graph;
  layers::Evaluation evaluation;
  size_t rows = 0;

  /// Values of a tensor, rows x elements.
  std::vector<double> values(model::TensorId id) const {
    std::vector<double> out;
    const model::TensorType& type = graph.tensor(id).type;
    for (size_t i = 0; i < evaluation.tensors[id].size(); ++i)
      out.push_back(model::to_double(evaluation.tensors[id][i], type.at(static_cast<int64_t>(i) % type.elements())));
    return out;
  }
};

absl::StatusOr<Run> run(const fs::path& file, const std::string& config, const std::vector<double>& events) {
  auto imported = import::import_onnx(file.string());
  if (!imported.ok()) return imported.status();
  auto quantised =
      quantise::quantise(*imported, {.config = config, .config_origin = "test", .input_type = std::nullopt});
  if (!quantised.ok()) return quantised.status();
  Run result{std::move(quantised->graph), {}, 0};
  const model::TensorType& type = result.graph.input(0).type;
  result.rows = events.size() / static_cast<size_t>(type.elements());
  std::vector<int64_t> raw;
  for (double v : events) raw.push_back(model::cast(v, type.at(0)));
  auto evaluation = layers::evaluate_reference(result.graph, {raw}, result.rows, /*keep_tensors=*/true);
  if (!evaluation.ok()) return evaluation.status();
  result.evaluation = *std::move(evaluation);
  return result;
}

std::vector<double> events_of(const Arrays& arrays) {
  if (!arrays.count("input_raw")) {
    auto jets = io::read_npy((shared_models() / "../jets/features_fixed16_6.npy").string());
    EXPECT_TRUE(jets.ok()) << jets.status();
    std::vector<double> values = jets->numbers();
    for (double& v : values) v /= 1024;
    return values;
  }
  std::vector<double> values = arrays.at("input_raw").numbers();
  const double step = std::ldexp(1.0, -static_cast<int>(arrays.at("input_frac_bits").number(0)));
  for (double& v : values) v *= step;
  return values;
}

/// hls4ml writes the steps -1 and +1 of a one-bit tensor as 0 and 1.
std::vector<double> as_steps(std::vector<double> values, const YAML::Node& type) {
  if (type.as<std::string>() == "uint<1>")
    for (double& v : values) v = v > 0 ? 1 : -1;
  return values;
}

struct Published {
  const char* folder;
  const char* model;
  const char* variant;
};

class Hls4ml : public testing::TestWithParam<Published> {};

TEST_P(Hls4ml, AnswersAndTracesAreEqualInEveryBit) {
  const Published& p = GetParam();
  const fs::path folder = shared_models() / p.folder;
  const fs::path stem = folder / "expected" / (std::string(p.model) + "__" + p.variant);
  if (absent(stem.string() + ".npz")) GTEST_SKIP() << "no " << stem;
  const Arrays expected = load(stem.string() + ".npz");
  const YAML::Node document = YAML::LoadFile(stem.string() + ".yml");
  const auto result =
      run(folder / (std::string(p.model) + ".onnx"), YAML::Dump(document["hls_config"]), events_of(expected));
  ASSERT_TRUE(result.ok()) << result.status();

  const YAML::Node layers = document["layers"];
  const YAML::Node last = layers[layers.size() - 1]["outputs"][0]["type"];
  EXPECT_EQ(result->values(result->graph.outputs()[0]), as_steps(expected.at("output").numbers(), last));
  int traced = 0;
  for (const YAML::Node& layer : layers) {
    const auto name = layer["name"].as<std::string>();
    const auto trace = expected.find("trace_" + name);
    if (trace == expected.end()) continue;
    const auto tensor = result->graph.find_tensor(name);
    ASSERT_TRUE(tensor.has_value()) << "no layer " << name;
    const std::vector<double> theirs = as_steps(trace->second.numbers(), layer["outputs"][0]["type"]);
    std::vector<double> ours = result->values(*tensor);
    ours.resize(theirs.size());  // the trace holds the first events
    EXPECT_EQ(ours, theirs) << name;
    ++traced;
  }
  RecordProperty("traced_layers", traced);
}

INSTANTIATE_TEST_SUITE_P(
    Shared, Hls4ml,
    testing::Values(
        Published{"onnx", "bnn_model_fc_1layer", "auto"}, Published{"onnx", "bnn_model_fc_1layer", "default"},
        Published{"onnx", "bnn_model_fc_1layer", "resource_rf4"}, Published{"onnx", "bnn_model_fc_1layer", "stream"},
        Published{"onnx", "dense_big_keras", "auto"}, Published{"onnx", "dense_big_keras", "default"},
        Published{"onnx", "three_layer_bn_keras", "auto"}, Published{"onnx", "three_layer_bn_keras", "default"},
        Published{"onnx", "three_layer_bn_keras", "resource_rf4"}, Published{"onnx", "three_layer_bn_keras", "stream"},
        Published{"qonnx", "TFC_2W2A", "auto"}, Published{"qonnx", "TFC_2W2A", "default"},
        Published{"qonnx", "qkeras_jettagging", "auto"}, Published{"qonnx", "qkeras_jettagging", "default"},
        Published{"qonnx", "qkeras_jettagging", "resource_rf4"}, Published{"qonnx", "qkeras_jettagging", "stream"}),
    [](const auto& p) { return std::string(p.param.model) + "_" + p.param.variant; });

class Hls4mlOwn : public testing::TestWithParam<const char*> {};

// What the published networks lack: scales that are no power of two, table activations, slopes, division.
TEST_P(Hls4mlOwn, AnswersAreEqualInEveryBit) {
  const fs::path stem = fs::path(STROBE_SOURCE_DIR) / "tests/data/onnx/hls4ml" / GetParam();
  const Arrays expected = load(stem.string() + ".npz");
  const std::pair<std::string, std::string> variants[] = {
      {"output_auto", YAML::Dump(YAML::LoadFile(stem.string() + ".yml"))},
      {"output_default", "Model: {Precision: {default: 'ap_fixed<16,6>'}, ReuseFactor: 1}"}};
  for (const auto& [name, config] : variants) {
    const auto result = run(stem.string() + ".onnx", config, events_of(expected));
    ASSERT_TRUE(result.ok()) << result.status();
    std::vector<double> ours = result->values(result->graph.outputs()[0]);
    for (double& v : ours) v = static_cast<float>(v);  // hls4ml hands out float32
    EXPECT_EQ(ours, expected.at(name).numbers()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Own, Hls4mlOwn,
                         testing::Values("leaky_norm_sigmoid", "quantised_tanh", "scaled_ternary",
                                         "elu_softsign_softplus"),
                         [](const auto& p) { return std::string(p.param); });

struct Golden {
  const char* name;
  const char* zoo;   ///< folder of the shared models; "" for this project's own
  double tolerance;  ///< 0: every quantiser decides alike and nothing is rounded behind the last one
};

class Qonnx : public testing::TestWithParam<Golden> {};

// With strobe's own rules, quantised networks mean what QONNX means by them, in float: each quantiser decides alike, so
// that the answers differ at most by the rounding of the last scale and of the result. TFC_1W1A and unsw_nb15-mlp-w2a2
// are networks that hls4ml 1.3 gets wrong, and refuses.
TEST_P(Qonnx, OwnRulesGiveTheFrameworksAnswers) {
  const Golden& golden = GetParam();
  const fs::path own = fs::path(STROBE_SOURCE_DIR) / "tests/data/onnx";
  const fs::path file = (*golden.zoo ? shared_models() / golden.zoo : own) / (std::string(golden.name) + ".onnx");
  if (*golden.zoo && absent(file)) GTEST_SKIP() << "no " << file;
  const Arrays expected = load(own / (std::string(golden.name) + ".npz"));
  const auto result = run(file, "", events_of(expected));
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<double> ours = result->values(result->graph.outputs()[0]), theirs = expected.at("output").numbers();
  ASSERT_EQ(ours.size(), theirs.size());
  double largest = 0;
  for (size_t i = 0; i < ours.size(); ++i) largest = std::max(largest, std::abs(ours[i] - theirs[i]));
  EXPECT_LE(largest, golden.tolerance);
  for (const model::OverflowCount& count : result->evaluation.overflow) EXPECT_EQ(count.wrapped, 0u);
}

INSTANTIATE_TEST_SUITE_P(Own, Qonnx,
                         testing::Values(Golden{"binary_steps", "", 0}, Golden{"branches", "", 0},
                                         Golden{"power_of_two", "", 0}, Golden{"rounding_modes", "", 0},
                                         Golden{"truncation", "", 0}, Golden{"ternary_norms", "", 2.5e-4},
                                         Golden{"weight_scale_per_channel", "", 2.5e-4},
                                         Golden{"zero_points", "", 2.5e-4}, Golden{"plain_float", "", 2e-3},
                                         Golden{"TFC_1W1A", "qonnx", 1.3e-4}, Golden{"unsw_nb15-mlp-w2a2", "qonnx", 0}),
                         [](const auto& p) {
                           std::string name = p.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace strobe
