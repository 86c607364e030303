#include "forest_fixture.h"

namespace strobe::import {
namespace {

class Xgboost : public testing::TestWithParam<const char*> {};

TEST_P(Xgboost, GoesToTheFrameworksLeaves) {
  NEED_SHARED_DATA();
  const std::string name = GetParam();
  const auto forest = must_import_forest(tree_path(name + ".json"));
  ASSERT_NE(forest, nullptr);
  expect_as_framework(*forest, name, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Shared, Xgboost,
                         testing::Values("jets_xgboost", "xgb_binary", "xgb_binary_base03", "xgb_categorical",
                                         "xgb_dart", "xgb_missing", "xgb_missing_conifer", "xgb_multi_20x5",
                                         "xgb_multi_exact", "xgb_multi_grid", "xgb_multioutput", "xgb_regression"),
                         [](const auto& each) { return std::string(each.param); });

class Conifer : public testing::TestWithParam<const char*> {};

/// conifer's files of XGBoost forests hold decimals of 9 digits; many of the jets lie exactly on the float32 they mean.
TEST_P(Conifer, GivesTheFrameworksScores) {
  NEED_SHARED_DATA();
  const std::string name = GetParam();
  const auto forest = must_import_forest(tree_path(name + "_conifer.json"));
  ASSERT_NE(forest, nullptr);
  auto expected = framework_arrays(name);
  const auto found = must_evaluate_forest(*forest, expected.contains("inputs") ? expected["inputs"] : jets());
  const auto& wanted = expected.contains("conifer_double") ? expected["conifer_double"] : expected["margins"];
  // conifer leaves out the 0.5 that XGBoost adds to every class of the published forest.
  std::vector<double> margins = found.margins;
  if (name == "jets_xgboost") {
    for (double& m : margins) m += 0.5;
  }
  EXPECT_LT(largest_difference(margins, wanted), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Shared, Conifer,
                         testing::Values("jets_xgboost", "xgb_binary", "xgb_binary_base03", "xgb_missing_conifer",
                                         "xgb_multi_20x5", "xgb_multi_exact", "xgb_multi_grid", "xgb_regression",
                                         "skl_gb_binary", "skl_gb_multi", "skl_hgb_multi", "ydf_axis_binary",
                                         "ydf_oblique_binary"),
                         [](const auto& each) { return std::string(each.param); });

TEST(Conifer, ForestsOfProbabilitiesGiveTheFrameworks) {
  NEED_SHARED_DATA();
  const auto multi = must_import_forest(tree_path("skl_rf8_multi_conifer.json"));
  ASSERT_NE(multi, nullptr);
  EXPECT_LT(largest_difference(must_evaluate_forest(*multi, jets()).margins,
                               framework_arrays("skl_rf8_multi")["probabilities"]),
            1e-12);
  // Of a binary forest, the part of class 0, negative class.
  const auto binary = must_import_forest(tree_path("skl_rf_binary_conifer.json"));
  ASSERT_NE(binary, nullptr);
  const auto both = framework_arrays("skl_rf_binary")["probabilities"];
  std::vector<double> first;
  for (size_t i = 0; i < both.size(); i += 2) first.push_back(both[i]);
  EXPECT_LT(largest_difference(must_evaluate_forest(*binary, jets()).margins, first), 1e-12);
}

TEST(Conifer, IsolationForestsGiveTheFrameworksScore) {
  NEED_SHARED_DATA();
  for (const auto& [name, array, sign] :
       {std::tuple("ydf_isolation", "anomaly_score", 1.0), {"skl_isolation", "score_samples", -1.0}}) {
    const auto forest = must_import_forest(tree_path(std::string(name) + "_conifer.json"));
    ASSERT_NE(forest, nullptr);
    std::vector<double> scores = must_evaluate_forest(*forest, jets()).margins;
    for (double& s : scores) s = sign * std::exp2(s);
    EXPECT_LT(largest_difference(scores, framework_arrays(name)[array]), 1e-5) << name;
  }
}

}  // namespace
}  // namespace strobe::import
