#include "kernels/quantise/forest.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "kernels/emulator/emulator.h"
#include "kernels/import/forest_tree.h"
#include "kernels/layers/reference.h"
#include "tests/kernels/emulator/random_forest.h"
#include "tests/kernels/emulator/random_graph.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe {
namespace {

using model::FixedType;
using model::Overflow;
using model::Rounding;
using testing::RandomForest;

/// Every order of addition, with types that wrap and saturate, for trees with an output of their own and for leaves
/// with a value per output; inputs of one type and of many.
TEST(HlsForest, EverySumGivesTheReferencesBits) {
  const model::TensorType uniform = {{5}, {FixedType::fixed(12, 5)}};
  const model::TensorType mixed = {
      {4}, {FixedType::fixed(9, 3), FixedType::ufixed(7, 7), FixedType::fixed(14, 2), FixedType::ufixed(5, 1)}};
  const FixedType leaf = FixedType::fixed(9, 3), narrow = FixedType::fixed(7, 2, Rounding::kRnd, Overflow::kSat);
  std::vector<model::Graph> graphs;
  uint64_t seed = 1;
  for (const auto& input : {uniform, mixed}) {
    model::GraphBuilder builder(absl::StrCat("forests", seed));
    const model::TensorId x = builder.add_input("x", input);
    std::vector<model::TensorId> outputs;
    for (const char* sum : {"exact", "file_order", "balanced", "minimum", "maximum"}) {
      for (const bool vectors : {true, false}) {
        if (!vectors && (std::string(sum) == "minimum" || std::string(sum) == "maximum")) continue;
        RandomForest forest(++seed, input, 7, 4);
        model::Node node = forest.node(absl::StrCat(sum, vectors), x, 3, vectors, leaf);
        node.attributes["sum"] = std::string(sum);
        node.attributes["accumulator"] = narrow;
        if (vectors) node.constants["scale"] = testing::random_constant({{1}, {FixedType::fixed(6, 1)}}, seed);
        const FixedType result = FixedType::fixed(11, 5, Rounding::kTrn, Overflow::kSat);
        outputs.push_back(builder.add(std::move(node), {{3}, {result}}));
      }
    }
    RandomForest forest(++seed, input, 7, 4);
    model::Node leaves = forest.node("leaves", x, 1, true, leaf);
    leaves.attributes["result"] = std::string("leaves");
    outputs.push_back(builder.add(std::move(leaves), {{7}, {FixedType::fixed(32, 32)}}));
    model::Node projection{"projection", "projection", {x}, {}, {}, {}};
    projection.constants["weight"] =
        testing::random_constant({{3, input.elements()}, {FixedType::fixed(8, 2)}}, ++seed);
    outputs.push_back(builder.add(std::move(projection), {{3}, {narrow}}));
    graphs.push_back(testing::finished(std::move(builder), outputs));
  }
  testing::expect_hls_equals_reference(graphs, {300}, 21);
}

/// The size of the published jet forest: 125 trees of depth 5 must compile in seconds.
TEST(HlsForest, OfTheJetForestsSizeCompilesInSeconds) {
  const model::TensorType input = {{16}, {FixedType::fixed(32, 32)}};
  model::GraphBuilder builder("jets");
  const model::TensorId x = builder.add_input("x", input);
  RandomForest forest(5, input, 125, 5);
  const auto y =
      builder.add(forest.node("forest", x, 5, false, FixedType::fixed(18, 2)), {{5}, {FixedType::fixed(24, 8)}});
  testing::expect_hls_equals_reference({testing::finished(std::move(builder), {y})}, {200}, 22);
}

/// One small tree with a value per output and no base, for which the array of its terms made g++ 12 break down.
TEST(HlsForest, OfOneTreeWithAValuePerOutputCompiles) {
  const model::TensorType input = {{4}, {FixedType::fixed(32, 32)}};
  std::vector<model::Graph> graphs;
  for (uint64_t seed = 31; seed < 34; ++seed) {
    model::GraphBuilder builder(absl::StrCat("tree", seed));
    const model::TensorId x = builder.add_input("x", input);
    model::Node node = RandomForest(seed, input, 1, 3).node("forest", x, 3, true, FixedType::ufixed(13, 1));
    node.constants["base"] = {{{3}, {FixedType::ufixed(1, -11)}}, {0, 0, 0}};
    const auto y = builder.add(std::move(node), {{3}, {FixedType::ufixed(13, 1)}});
    graphs.push_back(testing::finished(std::move(builder), {y}));
  }
  testing::expect_hls_equals_reference(graphs, {200}, 23);
}

/// Two outputs, a tree each: a leaf of 1 and one of -0.5, and behind splits (`depth` 1) the same beside others.
import::FloatModel two_trees(int depth, const std::string& name){import::Forest forest;
forest.features = 2;
forest.outputs = 2;
forest.base = {0.25, 0};
forest.leaf_values = {1, -0.5, 3, 4};
for (int32_t t = 0; t < 2; ++t) {
  import::ForestNode leaf, other, split;
  leaf.leaf = t;
  other.leaf = 2 + t;
  const auto first = static_cast<int32_t>(forest.nodes.size());
  forest.trees.push_back({first, t});
  if (depth > 0) {
    split.feature = t;
    split.threshold = 1000;
    split.if_true = first + 1;
    split.if_false = first + 2;
    forest.nodes.insert(forest.nodes.end(), {split, leaf, other});
  } else {
    forest.nodes.push_back(leaf);
  }
}
auto model = import::forest_model(forest, name, "test", {});
EXPECT_TRUE(model.ok()) << model.status();
return *std::move(model);
}  // namespace

/// Boosting of depth 0, and splits that are all beyond the input's type: each event gets the same scores.
TEST(HlsForest, WithoutEffectiveSplitsGivesConstants) {
  std::vector<model::Graph> graphs;
  for (const int depth : {0, 1}) {
    for (const bool keys : {true, false}) {
      if (depth > 0 && keys) continue;
      quantise::QuantiseOptions options;
      if (!keys) options.input_type = FixedType::fixed(8, 4);
      const auto quantised =
          quantise::quantise_forest(two_trees(depth, absl::StrCat("constant", graphs.size())), options);
      ASSERT_TRUE(quantised.ok()) << quantised.status();
      ASSERT_EQ(quantised->warnings.size(), static_cast<size_t>(depth));
      if (depth > 0) {
        EXPECT_NE(quantised->warnings[0].find("'constant2': no split tells inputs of type ap_fixed<8,4>"),
                  std::string::npos)
            << quantised->warnings[0];
      }
      const model::Graph& graph = quantised->graph;
      const size_t rows = 50;
      std::mt19937_64 random(24);
      const std::vector<int64_t> events = testing::random_rows(graph, 0, rows, random);
      const std::vector<std::span<const int64_t>> views = {events};
      const auto reference = layers::evaluate_reference(graph, views, rows);
      ASSERT_TRUE(reference.ok()) << reference.status();
      for (size_t i = 0; i < 2 * rows; ++i) {
        ASSERT_EQ(model::to_double(reference->outputs[0][i], graph.output(0).type.at(static_cast<int64_t>(i % 2))),
                  i % 2 == 0 ? 1.25 : -0.5);
      }
      const auto emulator = emulator::Emulator::create(graph);
      ASSERT_TRUE(emulator.ok()) << emulator.status();
      const std::vector<std::byte> in = testing::pack_rows(graph.input(0).type, events);
      std::vector<std::byte> out(rows * graph.output(0).type.row_bytes());
      const std::byte* ins[] = {in.data()};
      std::byte* outs[] = {out.data()};
      emulator::Scratch scratch;
      ASSERT_TRUE(emulator->run(ins, outs, rows, scratch).ok());
      EXPECT_EQ(testing::unpack_rows(graph.output(0).type, out), reference->outputs[0]);
      graphs.push_back(graph);
    }
  }
  testing::expect_hls_equals_reference(graphs, {50}, 25);
}

}  // namespace strobe
}  // namespace strobe
