#include "forest_fixture.h"

namespace strobe::import {
namespace {

using testing::HasSubstr;

class Lightgbm : public testing::TestWithParam<const char*> {};

TEST_P(Lightgbm, GoesToTheFrameworksLeaves) {
  NEED_SHARED_DATA();
  const std::string name = GetParam();
  const auto forest = must_import_forest(tree_path(name + ".txt"));
  ASSERT_NE(forest, nullptr);
  expect_as_framework(*forest, name, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Shared, Lightgbm,
                         testing::Values("lgb_binary", "lgb_categorical", "lgb_missing", "lgb_multiclass",
                                         "lgb_regression", "lgb_rf_ova", "lgb_zero_missing"),
                         [](const auto& each) { return std::string(each.param); });

TEST(Lightgbm, LinearLeavesAreRefusedByName) {
  NEED_SHARED_DATA();
  const auto model = import_model(tree_path("lgb_linear.txt"));
  EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("tree 0: leaves with linear models"));
}

TEST(Tmva, GivesTheRulesScores) {
  NEED_SHARED_DATA();
  for (const std::string name : {"tmva_adaboost", "tmva_adaboost_purity", "tmva_bdtg"}) {
    SCOPED_TRACE(name);
    const auto forest = must_import_forest(tree_path(name + ".weights.xml"));
    ASSERT_NE(forest, nullptr);
    auto expected = framework_arrays(name);
    std::vector<double> scores = must_evaluate_forest(*forest, jets()).margins;
    EXPECT_LT(largest_difference(scores, expected["raw"]), 1e-12);
    apply_post_transform(*forest, scores);
    EXPECT_LT(largest_difference(scores, expected["mva"]), 1e-12);
  }
}

}  // namespace
}  // namespace strobe::import
