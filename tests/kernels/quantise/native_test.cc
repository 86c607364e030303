#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "tests/kernels/import/import_fixture.h"
#include "tests/kernels/quantise/golden.h"
#include "tests/kernels/quantise/overflow.h"

/// strobe's own defaults, no configuration given: close to floating point, and nothing overflows.
namespace strobe {
namespace {

using testing::Arrays;
using testing::Events;
using testing::Run;

const std::string kOwnData = std::string(STROBE_SOURCE_DIR) + "/tests/data/";

io::Array load(const std::string& path) {
  auto array = io::read_npy(path);
  EXPECT_TRUE(array.ok()) << array.status();
  return array.ok() ? *std::move(array) : io::Array();
}

size_t count_correct(const std::vector<size_t>& classes, const io::Array& labels) {
  size_t correct = 0;
  for (size_t i = 0; i < classes.size(); ++i)
    correct += classes[i] == static_cast<size_t>(labels.number(static_cast<int64_t>(i)));
  return correct;
}

size_t count_equal(const std::vector<size_t>& a, const std::vector<size_t>& b) {
  return static_cast<size_t>(
      std::inner_product(a.begin(), a.end(), b.begin(), int64_t{0}, std::plus<>(), std::equal_to<>()));
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

void expect_no_overflow(const Run& run, const import::FloatModel& network) {
  testing::expect_overflow_only_by_design(network, run.graph, run.evaluation, run.rows);
}

absl::StatusOr<import::FloatModel> import_json(const std::string& name) {
  const std::string stem = model_path("keras/" + name);
  return import::import_model(stem + ".json", {.weights_path = stem + "_weights.h5"});
}

TEST(NativeDefaults, QKerasJetTaggerIsAsAccurateAsFloatingPoint) {
  NEED_SHARED_DATA();
  const auto network = import_json("qkeras_3layer");
  ASSERT_TRUE(network.ok()) << network.status();
  const auto run = testing::run_network(*network, {}, {testing::shared_jets(1024)});
  ASSERT_TRUE(run.ok()) << run.status();
  const io::Array labels = load(shared_data() + "/jets/labels.npy");
  const Arrays expected = testing::load_arrays(model_path("keras/expected/qkeras_3layer__auto.npz"));
  const auto truth = testing::events_of(expected.at("framework_output"), 1024).values;
  const size_t floating = count_correct(testing::winners(truth, 1024), labels);
  EXPECT_EQ(floating, 800U);  // 78.13 %
  EXPECT_NEAR(static_cast<double>(count_correct(testing::winners(run->outputs(), 1024), labels)),
              static_cast<double>(floating), 1);
  expect_no_overflow(*run, *network);
}

TEST(NativeDefaults, SoftmaxWithWideLogitsKeepsClassesAndProbabilities) {
  NEED_SHARED_DATA();
  const auto network = import_json("KERAS_3layer");
  ASSERT_TRUE(network.ok()) << network.status();
  const auto run = testing::run_network(*network, {}, {testing::shared_jets(1024)});
  ASSERT_TRUE(run.ok()) << run.status();
  const Arrays expected = testing::load_arrays(model_path("keras/expected/KERAS_3layer__auto.npz"));
  const auto truth = testing::events_of(expected.at("framework_output"), 1024).values;
  EXPECT_GE(count_equal(testing::winners(run->outputs(), 1024), testing::winners(truth, 1024)), 1023U);  // 99.9 %
  EXPECT_LE(largest_difference(run->outputs(), truth), 0.01);
  expect_no_overflow(*run, *network);
}

class NativeLayers : public ::testing::TestWithParam<const char*> {};

/// Within 1 % of the largest answer, whatever the layer.
TEST_P(NativeLayers, FollowTheFramework) {
  NEED_SHARED_DATA();
  const std::string name = GetParam();
  const auto network = import::import_model(model_path("layers/" + name + ".keras"));
  ASSERT_TRUE(network.ok()) << network.status();
  const Arrays arrays = testing::load_arrays(model_path("layers/expected/" + name + "__default.npz"));
  std::vector<Events> inputs;
  for (const char* suffix : {"", "_1"}) {
    const auto raw = arrays.find(std::string("input_raw") + suffix);
    if (raw == arrays.end()) continue;
    const double fraction = arrays.at(std::string("input_frac_bits") + suffix).number(0);
    inputs.push_back(testing::events_of(raw->second, 64, std::ldexp(1.0, -static_cast<int>(fraction))));
  }
  const auto run = testing::run_network(*network, {}, inputs);
  ASSERT_TRUE(run.ok()) << run.status();
  const auto truth = testing::events_of(arrays.at("framework_output"), run->rows).values;
  double scale = 1;
  for (const double v : truth) scale = std::max(scale, std::abs(v));
  EXPECT_LE(largest_difference(run->outputs(), truth), 0.01 * scale);
  expect_no_overflow(*run, *network);
}

INSTANTIATE_TEST_SUITE_P(
    Shared, NativeLayers,
    ::testing::Values("dense", "dense_nobias", "dense_batchnorm_relu", "dense_multidim", "batchnorm", "batchnorm_image",
                      "mlp_softmax", "residual", "tiny_autoencoder", "act_elu", "act_elu_alpha", "act_hard_sigmoid",
                      "act_leaky_relu", "act_prelu", "act_relu", "act_selu", "act_sigmoid", "act_softmax",
                      "act_softmax_axis1", "act_softmax_multidim", "act_softplus", "act_softsign", "act_tanh",
                      "merge_add", "merge_average", "merge_concatenate", "merge_concatenate_axis1", "merge_maximum",
                      "merge_minimum", "merge_multiply", "merge_subtract", "reshape_dense", "permute", "permute3"),
    [](const auto& p) { return std::string(p.param); });

TEST(OwnSample, HgqNetworkEqualsItsAnswersInEveryBit) {
  const auto network = import::import_model(kOwnData + "jets/jets_hgq.keras");
  ASSERT_TRUE(network.ok()) << network.status();
  const Events jets = testing::events_of(load(kOwnData + "jets/features.npy"), 4000, 1.0 / 1024);
  const auto expected = testing::events_of(load(kOwnData + "jets/expected_hgq.npy"), 4000).values;
  for (const std::optional<model::FixedType>& type :
       {std::optional(model::FixedType{}), std::optional<model::FixedType>()}) {
    const auto run = testing::run_network(*network, {"", "", type}, {jets});
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_EQ(testing::difference(run->outputs(), expected, 4000), "")
        << (type ? type->to_string() : "the quantiser's own types");
    EXPECT_EQ(count_correct(testing::winners(run->outputs(), 4000), load(kOwnData + "jets/labels.npy")), 2602U);
  }
}

TEST(OwnSample, FloatNetworkKeepsItsAccuracy) {
  const auto network = import::import_model(kOwnData + "jets/jets_float.keras");
  ASSERT_TRUE(network.ok()) << network.status();
  const auto run =
      testing::run_network(*network, {}, {testing::events_of(load(kOwnData + "jets/features.npy"), 4000, 1.0 / 1024)});
  ASSERT_TRUE(run.ok()) << run.status();
  const auto correct =
      static_cast<double>(count_correct(testing::winners(run->outputs(), 4000), load(kOwnData + "jets/labels.npy")));
  EXPECT_NEAR(correct, 2604, 20);  // 65.10 %, half a point
  const auto truth = testing::events_of(load(kOwnData + "jets/expected_float.npy"), 4000).values;
  EXPECT_LE(largest_difference(run->outputs(), truth), 0.01);
  expect_no_overflow(*run, *network);
}

TEST(OwnSample, TwoBranchesAnswerAsTheFramework) {
  const auto network = import::import_model(kOwnData + "two_branch/two_branch.keras");
  ASSERT_TRUE(network.ok()) << network.status();
  const Arrays events = testing::load_arrays(kOwnData + "two_branch/events.npz");
  const Arrays expected = testing::load_arrays(kOwnData + "two_branch/expected.npz");
  std::vector<Events> inputs;
  for (const auto& input : network->inputs) inputs.push_back(testing::events_of(events.at(input.name), 64));
  const auto run = testing::run_network(*network, {}, inputs);
  ASSERT_TRUE(run.ok()) << run.status();
  ASSERT_EQ(run->graph.outputs().size(), network->outputs.size());
  for (size_t o = 0; o < network->outputs.size(); ++o) {
    const auto truth = testing::events_of(expected.at(network->outputs[o].name), 64).values;
    EXPECT_LE(largest_difference(run->values(run->graph.outputs()[o]), truth), 0.005) << network->outputs[o].name;
  }
  expect_no_overflow(*run, *network);
}

}  // namespace
}  // namespace strobe
