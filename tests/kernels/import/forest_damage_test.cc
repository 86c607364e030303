#include <fstream>
#include <iterator>

#include "forest_fixture.h"
#include "kernels/import/forest_json.h"
#include "kernels/import/forest_tree.h"
#include "kernels/import/ubjson.h"

namespace strobe::import {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string flaw_of(const std::string& bytes, const std::string& name) {
  const TemporaryFolder folder;
  std::ofstream(folder.file(name), std::ios::binary) << bytes;
  const auto model = import_model(folder.file(name));
  return model.ok() ? "" : std::string(model.status().message());
}

TEST(DamagedForest, TruncatedFilesOfEveryFormatAreRefused) {
  NEED_SHARED_DATA();
  for (const std::string name : {"xgb_categorical.json", "xgb_dart.json", "xgb_binary_conifer.json", "lgb_missing.txt",
                                 "tmva_adaboost.weights.xml", "skl_gb_binary.onnx"}) {
    const std::string whole = bytes_of(tree_path(name));
    for (const size_t part : {1, 2, 10, 50, 90, 99}) {
      // Behind the trees, LightGBM keeps what it was trained with.
      if (part > 50 && name == "lgb_missing.txt") continue;
      const std::string flaw = flaw_of(whole.substr(0, whole.size() * part / 100), name);
      EXPECT_THAT(flaw, HasSubstr(name)) << name << " cut to " << part << " %";
    }
  }
  const std::string ubjson = bytes_of(std::string(STROBE_SOURCE_DIR) + "/tests/data/import/forests/logistic.ubj");
  for (size_t size = 3; size < ubjson.size(); size += 97)
    EXPECT_THAT(flaw_of(ubjson.substr(0, size), "cut.ubj"), HasSubstr("UBJSON, byte")) << size;
}

TEST(DamagedForest, NestingAndLengthsOfUbjsonAreBounded) {
  const auto message = [](const std::string& bytes) {
    const auto parsed = parse_ubjson(bytes, "x");
    return parsed.ok() ? std::string() : std::string(parsed.status().message());
  };
  EXPECT_THAT(message(std::string(100000, '[')), HasSubstr("at most 100 levels"));
  EXPECT_THAT(message("[$d#l\x7f\xff\xff\xff"), HasSubstr("2147483647 elements"));
  EXPECT_THAT(message("[$Z#l\x7f\xff\xff\xff"), HasSubstr("an element type that takes bytes"));
  EXPECT_THAT(message("SL\xff\xff\xff\xff\xff\xff\xff\xff"), HasSubstr("a length that is not negative"));
}

/// conifer's layout of one tree: 0 asks feature 0, its false child 2 asks feature 1.
Json conifer() {
  return Json::parse(R"({"n_classes": 2, "n_features": 2, "n_trees": 1, "max_depth": 2, "init_predict": [0], "norm": 1,
    "library": "sklearn", "splitting_convention": "<=", "trees": [[{"feature": [0, -2, 1, -2, -2],
    "threshold": [0.5, 0, 1, 0, 0], "value": [0, 1, 0, 2, 3], "children_left": [1, -1, 3, -1, -1],
    "children_right": [2, -1, 4, -1, -1]}]]})");
}

std::string conifer_flaw(const std::function<void(Json&)>& damage) {
  Json document = conifer();
  damage(document);
  const auto model = read_conifer(document, "x");
  return model.ok() ? "" : std::string(model.status().message());
}

TEST(DamagedForest, StructureErrorsNameTreeAndNode) {
  EXPECT_EQ(conifer_flaw([](Json&) {}), "");
  const auto tree = [](Json& j) -> Json& { return j["trees"][0][0]; };
  EXPECT_THAT(conifer_flaw([&](Json& j) { tree(j)["children_left"][2] = 0; }),
              AllOf(HasSubstr("tree 0, node 2"), HasSubstr("child 0 is reached twice (a cycle")));
  EXPECT_THAT(conifer_flaw([&](Json& j) { tree(j)["children_right"][2] = 1; }),
              AllOf(HasSubstr("tree 0, node 2"), HasSubstr("child 1 is reached twice")));
  EXPECT_THAT(conifer_flaw([&](Json& j) { tree(j)["children_right"][2] = 9; }),
              HasSubstr("tree 0, node 2: the child for false (9) is none of the 5 nodes"));
  EXPECT_THAT(conifer_flaw([&](Json& j) { tree(j)["feature"][2] = 2; }),
              HasSubstr("tree 0, node 2: looks at feature 2, the forest has 2"));
  EXPECT_THAT(conifer_flaw([&](Json& j) { tree(j)["threshold"][0] = Json(); }),
              HasSubstr("tree 0: threshold: entry 0 is not a number"));
  EXPECT_THAT(conifer_flaw([&](Json& j) { tree(j)["value"].erase(0); }),
              HasSubstr("tree 0: value: expected 5 numbers, found 4"));
  EXPECT_THAT(conifer_flaw([&](Json& j) { tree(j)["weight"] = Json::array({1}); }),
              HasSubstr("weight: expected 5 rows"));
  EXPECT_THAT(conifer_flaw([](Json& j) { j["init_predict"] = Json::array({Json()}); }), HasSubstr("init_predict"));
  EXPECT_THAT(conifer_flaw([](Json& j) { j["splitting_convention"] = ">"; }), HasSubstr("\"<\" or \"<=\""));
  EXPECT_THAT(conifer_flaw([](Json& j) { j["n_classes"] = 3; }), HasSubstr("init_predict: expected 3"));
  EXPECT_THAT(conifer_flaw([](Json& j) { j["trees"][0].push_back(1); }), HasSubstr("trees[0]: expected 1 trees"));
}

TEST(DamagedForest, ADeepTreeNeedsNoDeepStack) {
  constexpr int kDepth = 1000000;
  FileTree tree{.label = "tree 0", .root = 0, .output = 0, .nodes = {}, .leaf_values = {0}};
  for (int32_t n = 0; n < kDepth; ++n) {
    ForestNode node;
    node.feature = 0;
    node.if_true = n + 1;
    node.if_false = kDepth + 1 + n;
    tree.nodes.push_back(node);
  }
  for (int32_t n = 0; n <= kDepth; ++n) {
    ForestNode leaf;
    leaf.leaf = 0;
    tree.nodes.push_back(leaf);
  }
  Forest forest;
  forest.features = 1;
  forest.base = {0};
  ASSERT_TRUE(append_tree(tree, forest).ok());
  EXPECT_TRUE(verify(forest).ok());
  forest.nodes[5].threshold = std::nan("");
  EXPECT_THAT(std::string(verify(forest).message()), HasSubstr("its threshold is not a number"));
}

TEST(DamagedForest, ANanWithoutAMissingBranchNamesTheEvent) {
  const auto model = read_conifer(conifer(), "x");
  ASSERT_TRUE(model.ok()) << model.status();
  const auto result = evaluate_forest(*model->layers.back().forest, std::vector<double>{0, 0, std::nan(""), 0}, 2);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("event 1: feature 0 is NaN"));
}

TEST(DamagedForest, OddFilesAreToldApart) {
  EXPECT_THAT(flaw_of("{\"learner\": {}}", "m.json"), HasSubstr("the model has no tree"));
  EXPECT_THAT(flaw_of("{\"learner\": {\"gradient_booster\": {\"name\": \"gblinear\"}}}", "m.json"),
              HasSubstr("booster 'gblinear'"));
  EXPECT_THAT(flaw_of("<a/>", "m.xml"), HasSubstr("of TMVA's methods strobe reads BDT"));
  EXPECT_THAT(flaw_of("tree\nversion=v4\n", "m.txt"), HasSubstr("expected 'end of trees'"));
  EXPECT_THAT(flaw_of("{i\x01\x61Z}", "m.ubj"), HasSubstr("without XGBoost's 'learner'"));
  EXPECT_THAT(flaw_of("nonsense", "m.model"), HasSubstr("found none of them"));
}

}  // namespace
}  // namespace strobe::import
