#include "kernels/layers/forest/forest.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/forest_predicates.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe {
namespace {

using model::FixedType;
using model::Overflow;
using model::Rounding;
using quantise::whole_numbers;

/// A forest drawn at random: predicates of one or more intervals, trees of uneven depth, some of a single leaf.
class RandomForest {
 public:
  RandomForest(uint64_t seed, model::TensorType input, int64_t trees, int depth)
      : random_(seed), input_(std::move(input)), depth_(depth) {
    add_predicates(24);
    for (int64_t t = 0; t < trees; ++t) grow(t == 1 ? 0 : depth_, roots_, t, t);
  }

  /// A node with one score an event and output, or with the leaves' numbers.
  model::Node node(const std::string& name, model::TensorId x, int64_t outputs, bool vectors, const FixedType& leaf) {
    model::Node node{name, "forest", {x}, {}, {}, {}};
    node.constants["predicate_feature"] = whole_numbers(features_);
    node.constants["predicate_begin"] = whole_numbers(begin_);
    node.constants["interval_low"] = whole_numbers(low_);
    node.constants["interval_high"] = whole_numbers(high_);
    node.constants["node_predicate"] = whole_numbers(predicate_);
    node.constants["node_true"] = whole_numbers(true_);
    node.constants["node_false"] = whole_numbers(false_);
    node.constants["tree_root"] = whole_numbers(roots_);
    std::vector<int64_t> ids, tree_output;
    for (int64_t l = 0; l < leaves_; ++l) ids.push_back(1000 - 3 * l);
    for (size_t t = 0; t < roots_.size(); ++t) tree_output.push_back(between(0, outputs - 1));
    node.constants["leaf_id"] = whole_numbers(ids);
    if (!vectors) node.constants["tree_output"] = whole_numbers(tree_output);
    const model::Shape shape = vectors ? model::Shape{leaves_, outputs} : model::Shape{leaves_};
    node.constants["leaf_value"] = testing::random_constant({shape, {leaf}}, random_());
    node.constants["base"] = testing::random_constant({{outputs}, {leaf}}, random_());
    return node;
  }

 private:
  int64_t between(int64_t a, int64_t b) { return std::uniform_int_distribution<int64_t>(a, b)(random_); }

  void add_predicates(int64_t count) {
    for (int64_t p = 0; p < count; ++p) {
      const int64_t feature = between(0, input_.elements() - 1);
      const FixedType& type = input_.at(feature);
      const auto high = static_cast<int64_t>(type.max_raw());
      const int64_t low = type.is_signed ? -high - 1 : 0;
      features_.push_back(feature);
      const int64_t middle = between(low, high);
      const bool both = p % 3 == 0 && middle > low && middle < high;
      low_.push_back(p % 4 == 1 ? middle : low);
      high_.push_back(p % 4 == 1 ? high : both ? between(low, middle - 1) : middle);
      if (both && p % 4 != 1) {
        low_.push_back(between(middle + 1, high));
        high_.push_back(high);
      }
      begin_.push_back(static_cast<int64_t>(low_.size()));
    }
  }

  void grow(int depth, std::vector<int64_t>& column, int64_t at, int64_t tree) {
    column.resize(std::max<size_t>(column.size(), static_cast<size_t>(at) + 1));
    if (depth == 0 || (depth < depth_ && between(0, 5) == 0)) {
      column[at] = ~leaves_++;
      return;
    }
    const auto id = static_cast<int64_t>(predicate_.size());
    column[at] = id;
    predicate_.push_back(between(0, static_cast<int64_t>(features_.size()) - 1));
    true_.push_back(0);
    false_.push_back(0);
    grow(depth - 1, true_, id, tree);
    grow(depth - 1, false_, id, tree);
  }

  std::mt19937_64 random_;
  model::TensorType input_;
  int depth_;
  int64_t leaves_ = 0;
  std::vector<int64_t> features_, begin_ = {0}, low_, high_, predicate_, true_, false_, roots_;
};

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
