#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/kernels/emulator/random_forest.h"
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

}  // namespace
}  // namespace strobe
