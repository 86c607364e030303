#include "forest_fixture.h"
#include "kernels/import/float_reference.h"
#include "kernels/import/forest_tree.h"
#include "kernels/package/package.h"

/// XGBoost's own UBJSON files (tests/data/import/make_forests.py), one a rule of base_score, missing values, categories
/// and leaves; then the same forests through the package.
namespace strobe::import {
namespace {

class Objective : public testing::TestWithParam<const char*> {};

TEST_P(Objective, GoesToXgboostsLeavesAndScores) {
  const std::string name = GetParam();
  const auto forest = must_import_forest(own(name + ".ubj"));
  ASSERT_NE(forest, nullptr);
  auto expected = arrays_of(own(name + ".npz"));
  const auto found = must_evaluate_forest(*forest, expected["inputs"]);
  EXPECT_TRUE(std::equal(found.leaves.begin(), found.leaves.end(), expected["leaf_index"].begin(),
                         expected["leaf_index"].end()));
  EXPECT_LT(largest_difference(found.margins, expected["margins"]), 1e-5);
  if (!expected.contains("probabilities")) return;
  std::vector<double> answers = found.margins;
  apply_post_transform(*forest, answers);
  EXPECT_LT(largest_difference(answers, expected["probabilities"]), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Own, Objective,
                         testing::Values("absolute", "gamma", "hinge", "logistic", "logitraw", "ndcg", "pairwise",
                                         "poisson", "quantiles", "softmax", "targets", "tweedie", "vector"),
                         [](const auto& each) { return std::string(each.param); });

/// A package of one forest; its graph is the least that verifies.
std::string packed(const FloatModel& model) {
  model::GraphBuilder builder("any");
  builder.set_outputs({builder.add_input("x", {{1}, {model::FixedType::fixed(8, 4)}})});
  auto graph = std::move(builder).build();
  EXPECT_TRUE(graph.ok()) << graph.status();
  return package::serialize({"test", {{"any", *graph, model}}});
}

TEST(PackedForest, ComesOutAsItWentIn) {
  NEED_SHARED_DATA();
  for (const std::string name : {"xgb_categorical.json", "ydf_oblique_binary_conifer.json", "lgb_zero_missing.txt",
                                 "onnx_modes_max.onnx", "tmva_bdtg.weights.xml", "xgb_multioutput.json"}) {
    SCOPED_TRACE(name);
    auto model = import_model(tree_path(name));
    ASSERT_TRUE(model.ok()) << model.status();
    const std::string bytes = packed(*model);
    auto again = package::parse(bytes);
    ASSERT_TRUE(again.ok()) << again.status();
    const FloatModel& read = *again->models[0].float_model;
    ASSERT_NE(read.layers.back().forest, nullptr);
    EXPECT_EQ(packed(read), bytes);
    const Forest &before = *model->layers.back().forest, &after = *read.layers.back().forest;
    std::vector<double> events = jets();
    events.resize(100 * static_cast<size_t>(before.features));
    const auto first = must_evaluate_forest(before, events), second = must_evaluate_forest(after, events);
    EXPECT_EQ(first.margins, second.margins);
    EXPECT_EQ(first.leaves, second.leaves);
  }
}

TEST(PackedForest, IsVerified) {
  auto model = import_model(own("logistic.ubj"));
  ASSERT_TRUE(model.ok());
  Forest bad = *model->layers.back().forest;
  for (ForestNode& node : bad.nodes) node.feature = node.is_leaf() ? -1 : 99;
  model->layers.back().forest = std::make_shared<const Forest>(bad);
  const auto parsed = package::parse(packed(*model));
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(parsed.status().message()), testing::HasSubstr("tree 0, node 0: looks at feature 99"));
}

TEST(FloatReference, EvaluatesForests) {
  auto model = import_model(own("softmax.ubj"));
  ASSERT_TRUE(model.ok());
  auto expected = arrays_of(own("softmax.npz"));
  auto result = evaluate_float(*model, {expected["inputs"]}, expected["inputs"].size() / 5);
  ASSERT_TRUE(result.ok()) << result.status();
  const auto& margins = result->output(0).values;
  EXPECT_LT(largest_difference({margins.begin(), margins.end()}, expected["margins"]), 1e-5);
}

}  // namespace
}  // namespace strobe::import
