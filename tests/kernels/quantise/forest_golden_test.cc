#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/import/forest.h"
#include "kernels/import/forest_reference.h"
#include "kernels/quantise/forest.h"
#include "tests/kernels/import/import_fixture.h"
#include "tests/kernels/quantise/golden.h"

/// Forests against conifer's fixed point, every bit, and against their frameworks: every leaf, margins to the stated
/// error.
namespace strobe {
namespace {

using testing::Arrays;
using testing::Events;

std::string tree_path(const std::string& name) { return model_path("trees/" + name); }
std::string expected_path(const std::string& name) { return tree_path("expected/" + name); }

/// What the expected outputs of a forest were computed from: its own events, else the jets.
Events events_for(const std::string& forest) {
  const Arrays arrays = testing::load_arrays(expected_path(forest + "__framework.npz"));
  const auto inputs = arrays.find("inputs");
  return inputs == arrays.end() ? testing::shared_jets(1024) : testing::events_of(inputs->second, 1024);
}

/// Names of conifer's fixed-point results, "xgb_binary__fx16_6".
std::vector<std::string> conifer_results() {
  std::set<std::string> names;
  if (!std::filesystem::exists(expected_path(""))) return {};
  for (const auto& entry : std::filesystem::directory_iterator(expected_path(""))) {
    const std::string name = entry.path().stem().string();
    const std::string precision = name.substr(std::min(name.find("__") + 2, name.size()));
    const bool fixed = precision.starts_with("fx") || precision.starts_with("in") || precision.starts_with("hls_");
    if (fixed && entry.path().extension() == ".npz") names.insert(name);
  }
  return {names.begin(), names.end()};
}

class ConiferForest : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConiferForest);

TEST_P(ConiferForest, EqualsConiferInEveryBit) {
  NEED_SHARED_DATA();
  const std::string forest = GetParam().substr(0, GetParam().find("__"));
  const YAML::Node how = YAML::LoadFile(expected_path(GetParam() + ".yml"));
  const bool hls = GetParam().find("__hls_") != std::string::npos;
  quantise::QuantiseOptions options;
  options.config = absl::StrCat("Compatibility: conifer\nSum: ", hls ? "balanced" : "file_order");
  for (const auto& [key, entry] : {std::pair("InputPrecision", "input_type"),
                                   {"ThresholdPrecision", "threshold_type"},
                                   {"ScorePrecision", "score_type"}}) {
    absl::StrAppend(&options.config, "\n", key, ": '", how[entry].as<std::string>(), "'");
  }
  const auto model = import::import_model(tree_path(forest + "_conifer.json"));
  ASSERT_TRUE(model.ok()) << model.status();
  Events events = events_for(forest);
  if (forest == "xgb_missing_conifer") {  // conifer knows no missing values: its events have 0 there
    for (double& value : events.values) value = std::isnan(value) ? 0 : value;
  }
  const auto run = testing::run_network(*model, options, {events});
  ASSERT_TRUE(run.ok()) << run.status();
  const Arrays arrays = testing::load_arrays(expected_path(GetParam() + ".npz"));
  EXPECT_EQ(testing::difference(run->outputs(), arrays.at("score").numbers(), run->rows), "");
}

INSTANTIATE_TEST_SUITE_P(Shared, ConiferForest, ::testing::ValuesIn(conifer_results()),
                         [](const auto& each) { return each.param; });

TEST(ConiferForests, AreAllThere) {
  NEED_SHARED_DATA();
  EXPECT_EQ(conifer_results().size(), 59u);
}

/// A forest of the shared data, its events and what evaluating it in floating point gives.
struct Trained {
  import::FloatModel model;
  std::shared_ptr<const import::Forest> forest;
  Events events;
  import::ForestEvaluation floating;
};

/// `file`: "xgb_binary.json"; its expected outputs are named after it.
absl::StatusOr<Trained> load_trained(const std::string& file) {
  Trained trained;
  auto model = import::import_model(tree_path(file));
  if (!model.ok()) return model.status();
  trained.model = *std::move(model);
  trained.forest = trained.model.layers.back().forest;
  trained.events = events_for(file.substr(0, file.find('.')));
  auto floating = import::evaluate_forest(*trained.forest, trained.events.values, trained.events.rows);
  if (!floating.ok()) return floating.status();
  trained.floating = *std::move(floating);
  return trained;
}

/// The leaves that a graph's trees end in, by the reference.
std::vector<int64_t> leaves_of(const model::Graph& graph, const Events& events) {
  const auto leaves = quantise::with_leaves(graph);
  EXPECT_TRUE(leaves.ok()) << leaves.status();
  std::vector<int64_t> raw;
  const int64_t features = leaves->input(0).type.elements();
  for (size_t i = 0; i < events.values.size(); ++i)
    raw.push_back(testing::raw_value(leaves->input(0), static_cast<int64_t>(i) % features, events.values[i]));
  const auto run = layers::evaluate_reference(*leaves, {raw}, events.rows);
  EXPECT_TRUE(run.ok()) << run.status();
  return run->outputs[0];
}

/// Every event in the framework's leaves, and margins within the stated error of the sum of the file's values.
void expect_as_trained(const Trained& trained, const quantise::QuantiseOptions& options) {
  const auto run = testing::run_network(trained.model, options, {trained.events});
  ASSERT_TRUE(run.ok()) << run.status();
  const std::vector<int64_t> leaves = leaves_of(run->graph, trained.events);
  EXPECT_TRUE(std::equal(leaves.begin(), leaves.end(), trained.floating.leaves.begin(), trained.floating.leaves.end()));
  const double error = run->graph.nodes().back().real("score_error");
  EXPECT_LE(error, 0x1p-12);
  const std::vector<double> margins = run->outputs();
  ASSERT_EQ(margins.size(), trained.floating.margins.size());
  for (size_t i = 0; i < margins.size(); ++i) {
    const double float_noise = 1e-12 * (1 + std::abs(margins[i]));
    ASSERT_LE(std::abs(margins[i] - trained.floating.margins[i]), error + float_noise) << "value " << i;
  }
}

/// What the framework itself gave.
void expect_as_framework(const std::string& name, const model::Graph& graph, const std::vector<double>& margins,
                         const Events& events) {
  const Arrays arrays = testing::load_arrays(expected_path(name + "__framework.npz"));
  if (const auto expected = arrays.find("leaf_index"); expected != arrays.end()) {
    const std::vector<int64_t> leaves = leaves_of(graph, events);
    const std::vector<double> wanted = expected->second.numbers();
    EXPECT_TRUE(std::equal(leaves.begin(), leaves.end(), wanted.begin(), wanted.end()));
  }
  const auto expected = arrays.find("margins");
  if (expected == arrays.end()) return;
  const std::vector<double> wanted = expected->second.numbers();
  ASSERT_EQ(margins.size(), wanted.size());
  constexpr double kFloatSums = 1e-5;
  for (size_t i = 0; i < margins.size(); ++i) ASSERT_NEAR(margins[i], wanted[i], 0x1p-12 + kFloatSums) << "value " << i;
}

class TrainedForest : public ::testing::TestWithParam<const char*> {};

TEST_P(TrainedForest, GoesToTheFrameworksLeavesWithMarginsWithinTheStatedError) {
  NEED_SHARED_DATA();
  const std::string file = GetParam(), name = file.substr(0, file.find('.'));
  const auto trained = load_trained(file);
  ASSERT_TRUE(trained.ok()) << trained.status();
  expect_as_trained(*trained, {});
  const auto run = testing::run_network(trained->model, {}, {trained->events});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->graph.input(0).encoding.kind, model::InputEncoding::Kind::kOrderedFloat);
  // What scikit-learn gives is not what its ONNX file computes as margins, nor are its leaves numbered alike.
  if (file.starts_with("skl_")) return;
  expect_as_framework(name, run->graph, run->outputs(), trained->events);
}

/// The jets are on the grid of ap_fixed<16,6>: no event may take another branch there.
TEST_P(TrainedForest, KeepsEveryBranchOnTheGridOfItsEvents) {
  NEED_SHARED_DATA();
  const std::string file = GetParam();
  const auto trained = load_trained(file);
  ASSERT_TRUE(trained.ok()) << trained.status();
  quantise::QuantiseOptions options;
  options.input_type = model::FixedType::fixed(16, 6);
  for (const double value : trained->events.values) {
    if (std::isnan(value) || model::to_double(model::cast(value, *options.input_type), *options.input_type) == value)
      continue;
    GTEST_SKIP() << file << ": its events are not on the grid of " << options.input_type->to_string();
  }
  expect_as_trained(*trained, options);
}

INSTANTIATE_TEST_SUITE_P(
    Shared, TrainedForest,
    ::testing::Values("jets_xgboost.json", "xgb_binary.json", "xgb_binary_base03.json", "xgb_categorical.json",
                      "xgb_dart.json", "xgb_missing.json", "xgb_missing_conifer.json", "xgb_multi_20x5.json",
                      "xgb_multi_exact.json", "xgb_multi_grid.json", "xgb_multioutput.json", "xgb_regression.json",
                      "lgb_binary.txt", "lgb_categorical.txt", "lgb_missing.txt", "lgb_multiclass.txt",
                      "lgb_regression.txt", "lgb_rf_ova.txt", "lgb_zero_missing.txt", "jets_xgboost.onnx",
                      "onnx_modes_average.onnx", "onnx_modes_max.onnx", "onnx_modes_min.onnx", "onnx_modes_sum.onnx",
                      "skl_extratrees.onnx", "skl_gb_binary.onnx", "skl_gb_multi.onnx", "skl_gb_regression.onnx",
                      "skl_hgb_multi.onnx", "skl_isolation.onnx", "skl_rf_binary.onnx", "skl_rf_multi.onnx",
                      "skl_rf_regression.onnx", "tmva_adaboost.weights.xml", "tmva_adaboost_purity.weights.xml",
                      "tmva_bdtg.weights.xml"),
    [](const auto& each) {
      std::string name = each.param;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

std::vector<double> labels() {
  auto array = io::read_npy(shared_data() + "/jets/labels.npy");
  EXPECT_TRUE(array.ok()) << array.status();
  return array.ok() ? array->numbers() : std::vector<double>();
}

TEST(JetForest, HasThePublishedAccuracyInEveryArithmeticOfItsBranches) {
  NEED_SHARED_DATA();
  const auto trained = load_trained("jets_xgboost.json");
  ASSERT_TRUE(trained.ok()) << trained.status();
  const std::vector<double> expected = labels();
  quantise::QuantiseOptions fixed, exact;
  fixed.input_type = model::FixedType::fixed(16, 6);
  exact.config = "{ScoreError: exact}";
  for (const auto& options : {quantise::QuantiseOptions{}, fixed, exact}) {
    const auto run = testing::run_network(trained->model, options, {trained->events});
    ASSERT_TRUE(run.ok()) << run.status();
    const auto winners = testing::winners(run->outputs(), run->rows);
    size_t right = 0;
    for (size_t e = 0; e < winners.size(); ++e) right += static_cast<double>(winners[e]) == expected[e];
    EXPECT_EQ(right, 795u);  // 77.64 % of 1024
  }
}

TEST(JetForest, ExactScoresAreTheSumsOfTheFilesFloats) {
  NEED_SHARED_DATA();
  const auto trained = load_trained("jets_xgboost.json");
  ASSERT_TRUE(trained.ok()) << trained.status();
  quantise::QuantiseOptions options;
  options.config = "ScoreError: exact";
  const auto run = testing::run_network(trained->model, options, {trained->events});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->graph.nodes().back().real("score_error", -1), 0);
  EXPECT_EQ(testing::difference(run->outputs(), trained->floating.margins, run->rows), "");
}

/// conifer cuts thresholds down to the grid, which is right for `<=` alone. On this forest of `<` that moves jets that
/// lie between the cut and the true threshold to the other side.
TEST(JetForest, CutThresholdsMoveJetsThatRoundedUpOnesDoNot) {
  NEED_SHARED_DATA();
  const auto trained = load_trained("jets_xgboost.json");
  ASSERT_TRUE(trained.ok()) << trained.status();
  quantise::QuantiseOptions up, down;
  up.input_type = model::FixedType::fixed(16, 6);
  down.config =
      "{Compatibility: conifer, InputPrecision: 'ap_fixed<16,6>', ThresholdPrecision: 'ap_fixed<16,6>', "
      "ScorePrecision: 'ap_fixed<40,8>'}";
  std::vector<size_t> vectors, decisions;
  const auto right = testing::winners(trained->floating.margins, trained->events.rows);
  for (const auto& options : {up, down}) {
    const auto run = testing::run_network(trained->model, options, {trained->events});
    ASSERT_TRUE(run.ok()) << run.status();
    const std::vector<double> found = run->outputs();
    const auto winners = testing::winners(found, run->rows);
    size_t moved = 0, decided = 0;
    for (size_t e = 0; e < run->rows; ++e) {
      bool same = true;
      for (size_t k = 0; k < 5; ++k)
        same &= std::abs(found[5 * e + k] - trained->floating.margins[5 * e + k]) < 0x1p-11;
      moved += !same;
      decided += winners[e] != right[e];
    }
    vectors.push_back(moved);
    decisions.push_back(decided);
  }
  EXPECT_EQ(vectors[0], 0u);
  EXPECT_EQ(decisions[0], 0u);
  EXPECT_EQ(vectors[1], 563u);
  EXPECT_EQ(decisions[1], 16u);
}

}  // namespace
}  // namespace strobe
