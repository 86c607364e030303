#include "forest_fixture.h"

namespace strobe::import {
namespace {

std::vector<double> probabilities(const Forest& forest, const std::vector<double>& inputs) {
  std::vector<double> answers = must_evaluate_forest(forest, inputs).margins;
  apply_post_transform(forest, answers);
  return answers;
}

/// The second of each pair: what a binary classifier with one margin gives.
std::vector<double> second_column(const std::vector<double>& both) {
  std::vector<double> second;
  for (size_t i = 1; i < both.size(); i += 2) second.push_back(both[i]);
  return second;
}

TEST(OnnxForest, ThePublishedJetForestGivesXgboostsScores) {
  NEED_SHARED_DATA();
  const auto forest = must_import_forest(tree_path("jets_xgboost.onnx"));
  ASSERT_NE(forest, nullptr);
  auto expected = framework_arrays("jets_xgboost");
  EXPECT_LT(largest_difference(must_evaluate_forest(*forest, jets()).margins, expected["margins"]), 1e-5);
  EXPECT_LT(largest_difference(probabilities(*forest, jets()), expected["probabilities"]), 1e-5);
}

TEST(OnnxForest, ScikitLearnsClassifiersGiveItsProbabilities) {
  NEED_SHARED_DATA();
  for (const std::string name : {"skl_extratrees", "skl_gb_multi", "skl_rf_multi"}) {
    const auto forest = must_import_forest(tree_path(name + ".onnx"));
    ASSERT_NE(forest, nullptr);
    EXPECT_LT(largest_difference(probabilities(*forest, jets()), framework_arrays(name)["probabilities"]), 1e-5)
        << name;
  }
  const auto histogram = must_import_forest(tree_path("skl_hgb_multi.onnx"));
  ASSERT_NE(histogram, nullptr);
  EXPECT_LT(largest_difference(probabilities(*histogram, jets()), framework_arrays("skl_hgb_multi")["probabilities"]),
            1e-5);
}

TEST(OnnxForest, OneColumnOfWeightsIsTheMarginOfTheSecondClass) {
  NEED_SHARED_DATA();
  for (const std::string name : {"skl_gb_binary", "skl_rf_binary"}) {
    const auto forest = must_import_forest(tree_path(name + ".onnx"));
    ASSERT_NE(forest, nullptr);
    const auto expected = framework_arrays(name)["ort_probabilities"];
    std::vector<double> found = probabilities(*forest, jets());
    if (forest->outputs == 2) found = second_column(found);
    EXPECT_LT(largest_difference(found, second_column(expected)), 1e-5) << name;
  }
}

TEST(OnnxForest, RegressorsGiveTheFrameworksValues) {
  NEED_SHARED_DATA();
  for (const std::string name : {"skl_gb_regression", "skl_rf_regression"}) {
    const auto forest = must_import_forest(tree_path(name + ".onnx"));
    ASSERT_NE(forest, nullptr);
    auto expected = framework_arrays(name);
    EXPECT_LT(largest_difference(must_evaluate_forest(*forest, expected["inputs"]).margins, expected["ort_variable"]),
              1e-5)
        << name;
  }
}

TEST(OnnxForest, AllModesAndAggregationsGiveTheRuntimesValues) {
  NEED_SHARED_DATA();
  for (const std::string name : {"sum", "average", "min", "max"}) {
    const auto forest = must_import_forest(tree_path("onnx_modes_" + name + ".onnx"));
    ASSERT_NE(forest, nullptr);
    auto expected = framework_arrays("onnx_modes_" + name);
    EXPECT_LT(
        largest_difference(must_evaluate_forest(*forest, expected["inputs"]).margins, expected["margins_float64"]),
        1e-6)
        << name;
  }
}

TEST(OnnxForest, AnIsolationForestsTreesBecomeOne) {
  NEED_SHARED_DATA();
  const auto forest = must_import_forest(tree_path("skl_isolation.onnx"));
  ASSERT_NE(forest, nullptr);
  EXPECT_EQ(forest->trees.size(), 20u);
  auto expected = framework_arrays("skl_isolation");
  std::vector<double> scores = probabilities(*forest, jets());
  for (double& s : scores) s = -s;
  EXPECT_LT(largest_difference(scores, expected["score_samples"]), 1e-5);
  const auto model = import_model(tree_path("skl_isolation.onnx"));
  EXPECT_EQ(model->provenance.at("scores"), "'scores' of the file is -1 * 2^output + 0.5");
}

/// scikit-learn's AdaBoostClassifier (tests/data/import/make_onnx_forests.py): an ensemble a tree, votes by arithmetic.
struct Boosted {
  const char* name;
  int32_t outputs;
  double share_of_decision;  ///< a margin, of what decision_function gives
};

class AdaBoost : public testing::TestWithParam<Boosted> {};

TEST_P(AdaBoost, GivesScikitLearnsAndTheRuntimesScores) {
  const auto [name, outputs, share] = GetParam();
  const auto forest = must_import_forest(own(std::string(name) + ".onnx"));
  ASSERT_NE(forest, nullptr);
  EXPECT_EQ(forest->outputs, outputs);
  auto expected = arrays_of(own(std::string(name) + ".npz"));
  const auto found = must_evaluate_forest(*forest, expected["inputs"]);
  EXPECT_TRUE(std::equal(found.leaves.begin(), found.leaves.end(), expected["leaf_index"].begin(),
                         expected["leaf_index"].end()));
  for (double& d : expected["decision"]) d *= share;
  EXPECT_LT(largest_difference(found.margins, expected["decision"]), 1e-6);
  std::vector<double> answers = found.margins;
  apply_post_transform(*forest, answers);
  const bool pair = outputs == 1;
  EXPECT_LT(largest_difference(answers, pair ? second_column(expected["runtime"]) : expected["runtime"]), 1e-6);
  if (forest->post == PostTransform::kNone) return;
  const auto& shares = expected["probabilities"];
  EXPECT_LT(largest_difference(answers, pair ? second_column(shares) : shares), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Own, AdaBoost,
                         testing::Values(Boosted{"adaboost_two", 1, 1}, Boosted{"adaboost_three", 3, 0.5},
                                         Boosted{"adaboost_raw", 3, 1}, Boosted{"adaboost_one_tree", 3, 0.5},
                                         Boosted{"adaboost_samme_r", 3, 0.5}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(OnnxForest, AWeightedMedianOfTreesIsRefusedByName) {
  const auto model = import_model(own("adaboost_regressor.onnx"));
  EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(model.status().message()),
              testing::AllOf(testing::HasSubstr("(TopK) takes what the file's tree ensembles give"),
                             testing::HasSubstr("the weighted median of scikit-learn's AdaBoostRegressor is none")));
}

TEST(OnnxForest, ForestsThatVoteBecomeOne) {
  const auto forest = must_import_forest(own("voting_regressor.onnx"));
  ASSERT_NE(forest, nullptr);
  EXPECT_EQ(forest->trees.size(), 7u);
  auto expected = arrays_of(own("voting_regressor.npz"));
  EXPECT_LT(largest_difference(must_evaluate_forest(*forest, expected["inputs"]).margins, expected["values"]), 1e-6);
}

}  // namespace
}  // namespace strobe::import
