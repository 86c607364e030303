#include <gtest/gtest.h>

#include <random>

#include "kernels/import/forest_reference.h"
#include "kernels/package/package.h"
#include "tests/kernels/import/import_fixture.h"
#include "tests/kernels/quantise/golden.h"

/// Forests in an xclbin: the graph with its input's meaning, and the trained forest.
namespace strobe {
namespace {

package::Package packaged(const std::string& file, const quantise::QuantiseOptions& options) {
  auto model = import::import_model(model_path("trees/" + file));
  EXPECT_TRUE(model.ok()) << model.status();
  auto quantised = quantise::quantise(*model, options);
  EXPECT_TRUE(quantised.ok()) << quantised.status();
  return {"test", {{"forest", std::move(quantised->graph), *std::move(model)}}};
}

TEST(ForestPackage, ComesBackAsItWas) {
  NEED_SHARED_DATA();
  quantise::QuantiseOptions fixed;
  fixed.input_type = model::FixedType::fixed(16, 6);
  for (const auto& [file, options] : {std::pair("xgb_missing.json", quantise::QuantiseOptions{}),
                                      {"xgb_categorical.json", fixed},
                                      {"ydf_oblique_binary_conifer.json", fixed},
                                      {"lgb_zero_missing.txt", quantise::QuantiseOptions{}}}) {
    SCOPED_TRACE(file);
    const package::Package saved = packaged(file, options);
    const std::string bytes = package::serialize(saved);
    const auto loaded = package::parse(bytes);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(package::serialize(*loaded), bytes);
    const auto& graph = loaded->models[0].graph;
    EXPECT_EQ(model::print(graph), model::print(saved.models[0].graph));
    EXPECT_EQ(graph.input(0).encoding, saved.models[0].graph.input(0).encoding);
    const auto events = testing::shared_jets(200);
    const auto before = import::evaluate_forest(*saved.models[0].float_model->layers.back().forest, events.values, 200);
    const auto after =
        import::evaluate_forest(*loaded->models[0].float_model->layers.back().forest, events.values, 200);
    ASSERT_TRUE(before.ok() && after.ok()) << before.status() << after.status();
    EXPECT_EQ(before->margins, after->margins);
    EXPECT_EQ(before->leaves, after->leaves);
  }
}

/// Bytes of strangers: whatever is changed in them, reading ends in a package that can be used or in an error.
TEST(ForestPackage, DamagedBytesAreAnErrorOrAForestThatRuns) {
  NEED_SHARED_DATA();
  const uint64_t seed = 5;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const std::string bytes = package::serialize(packaged("xgb_missing_conifer.json", {}));
  const std::vector<double> event(16, 0.25);
  size_t read = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string damaged = bytes;
    for (uint64_t n = 1 + random() % 3; n > 0; --n) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (round % 5 == 0) damaged.resize(random() % damaged.size());
    const auto package = package::parse(damaged);
    if (!package.ok() || package->models.empty() || !package->models[0].float_model) continue;
    for (const auto& layer : package->models[0].float_model->layers) {
      if (layer.forest == nullptr || layer.forest->features != 16) continue;
      read += import::evaluate_forest(*layer.forest, event, 1).ok();
    }
    const auto& graph = package->models[0].graph;
    std::vector<std::vector<int64_t>> raw;
    for (const auto id : graph.inputs()) raw.emplace_back(graph.tensor(id).type.elements(), 0);
    EXPECT_TRUE(layers::evaluate_reference(graph, {raw.begin(), raw.end()}, 1).ok());
  }
  EXPECT_GT(read, 0u);
}

}  // namespace
}  // namespace strobe
