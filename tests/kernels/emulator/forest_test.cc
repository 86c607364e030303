#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "hwy/targets.h"
#include "kernels/emulator/emulator.h"
#include "kernels/emulator/forest_kernels.h"
#include "kernels/emulator/forest_plan.h"
#include "kernels/emulator/forest_trees.h"
#include "kernels/layers/reference.h"
#include "tests/kernels/emulator/forest_graphs.h"
#include "tests/kernels/emulator/random_graph.h"

namespace strobe::emulator {
namespace {

using model::Graph;
using model::Overflow;
using strobe::testing::ForestGraphOptions;
using ::testing::HasSubstr;

struct Case {
  const char* name;
  ForestGraphOptions options;
  int forests;
};

class RandomForest : public ::testing::TestWithParam<Case> {};

std::vector<int64_t> run(const Emulator& emulator, const Graph& graph, const std::vector<std::byte>& rows,
                         size_t count) {
  const std::byte* in[] = {rows.data()};
  std::vector<std::byte> scores(count * graph.output(0).type.row_bytes());
  std::byte* out[] = {scores.data()};
  Scratch scratch;
  EXPECT_TRUE(emulator.run(in, out, count, scratch).ok());
  return testing::unpack_rows(graph.output(0).type, scores);
}

/// Events near the forest's limits, where mistakes show: half of them are limits of intervals, or beside one.
void sharpen(const Graph& graph, std::vector<int64_t>& rows, std::mt19937_64& random) {
  const model::Node& node = graph.nodes()[0];
  const auto& feature = node.constant("predicate_feature")->raw;
  const auto& begin = node.constant("predicate_begin")->raw;
  const model::TensorType& type = graph.input(0).type;
  for (size_t row = 0; row < rows.size() / type.elements(); ++row) {
    for (size_t i = 0; i < static_cast<size_t>(type.elements()); ++i) {
      const size_t p = random() % feature.size();
      const int64_t low = node.constant("interval_low")->raw[begin[p]];
      const int64_t high = node.constant("interval_high")->raw[begin[p]];
      const model::Wide value = model::Wide{random() % 2 == 0 ? low : high} + static_cast<int64_t>(random() % 3) - 1;
      const model::FixedType& element = type.at(feature[p]);
      const model::Wide last = element.max_raw();
      if (value < (element.is_signed ? -last - 1 : 0) || value > last) continue;
      rows[row * type.elements() + feature[p]] = static_cast<int64_t>(value);
    }
  }
}

/// A few events go another way through the emulator than many.
void expect_equal_one_by_one(const Emulator& emulator, const Graph& graph, const std::vector<std::byte>& packed,
                             const std::vector<int64_t>& all, size_t rows) {
  const size_t row_bytes = graph.input(0).type.row_bytes();
  const auto outputs = static_cast<size_t>(graph.output(0).type.elements());
  for (size_t row = 0; row < std::min<size_t>(rows, 20); ++row) {
    const std::vector<std::byte> one(packed.begin() + row * row_bytes, packed.begin() + (row + 1) * row_bytes);
    const std::vector<int64_t> expected(all.begin() + row * outputs, all.begin() + (row + 1) * outputs);
    ASSERT_EQ(run(emulator, graph, one, 1), expected) << "row " << row << " by itself\n" << emulator.describe();
  }
}

void expect_equal(const Graph& graph, size_t rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<int64_t> raw = testing::random_rows(graph, 0, rows, random);
  sharpen(graph, raw, random);
  const std::vector<std::byte> packed = testing::pack_rows(graph.input(0).type, raw);
  const auto reference = layers::evaluate_reference(graph, {raw}, rows);
  ASSERT_TRUE(reference.ok()) << reference.status();
  for (const bool vectorise : {true, false}) {
    const auto emulator = Emulator::create(graph, {.vectorise = vectorise});
    ASSERT_TRUE(emulator.ok()) << emulator.status();
    const std::vector<int64_t> got = run(*emulator, graph, packed, rows);
    const auto [at, expected] = std::mismatch(got.begin(), got.end(), reference->outputs[0].begin());
    if (at != got.end()) {
      const int64_t outputs = graph.output(0).type.elements();
      FAIL() << "vectorise " << vectorise << ", row " << (at - got.begin()) / outputs << " of " << rows << ", output "
             << (at - got.begin()) % outputs << ": " << *at << " instead of " << *expected << "\n"
             << emulator->describe();
    }
    if (vectorise) {
      expect_equal_one_by_one(*emulator, graph, packed, got, rows);
      continue;
    }
    const std::byte* in[] = {packed.data()};
    const auto trace = emulator->trace(in, rows, false);
    ASSERT_TRUE(trace.ok()) << trace.status();
    EXPECT_EQ(trace->overflow[0].wrapped, reference->overflow[0].wrapped);
    EXPECT_EQ(trace->overflow[0].saturated, reference->overflow[0].saturated);
  }
}

TEST_P(RandomForest, EqualsTheReferenceInEveryBit) {
  const Case& c = GetParam();
  const char* only = std::getenv("STROBE_SEED");
  const uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const int forests = only != nullptr ? 1 : c.forests;
  for (uint64_t seed = first; seed < first + forests; ++seed) {
    SCOPED_TRACE(::testing::Message() << "STROBE_SEED=" << seed);
    const Graph graph = testing::forest_graph(seed, c.options);
    // One event, a few, ragged blocks, more than a block.
    const size_t rows[] = {1, 7, 64, 150, 300, 511, 600};
    expect_equal(graph, rows[seed % std::size(rows)], seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Emulator, RandomForest,
    ::testing::Values(
        Case{"Usual", {}, 120}, Case{"Bytes", {.max_width = 8, .max_intervals = 3}, 80},
        Case{"Unions", {.max_features = 5, .max_intervals = 12}, 60},
        Case{"FloatKeys", {.max_width = 32, .max_intervals = 2}, 80},
        Case{"Widest", {.max_width = 64, .score_width = 64, .max_intervals = 2}, 80},
        Case{"WideScores", {.score_width = 40}, 60}, Case{"ManyFeatures", {.max_features = 200}, 30},
        Case{"Stumps", {.max_trees = 60, .max_leaves = 2}, 40},
        Case{"Balanced", {.max_trees = 20, .max_leaves = 32, .balanced = true}, 40},
        Case{"Large", {.max_trees = 4, .max_leaves = 1500}, 30},
        Case{"TooLargeToSlice", {.max_trees = 2, .max_leaves = 200000, .balanced = true}, 2},
        Case{"Thresholds", {.thresholds = true}, 120},
        Case{"ThresholdsOnManyFeatures", {.max_features = 70, .max_trees = 60, .thresholds = true}, 60},
        Case{"ThresholdsOnKeys", {.max_width = 32, .thresholds = true}, 80},
        Case{"ThresholdsOnManyKeys", {.max_features = 35, .max_trees = 60, .max_width = 32, .thresholds = true}, 60},
        Case{"ThresholdsInLargeTrees", {.max_leaves = 2500, .thresholds = true}, 40},
        Case{"ThresholdsInEvenTrees", {.max_trees = 30, .max_leaves = 300, .thresholds = true, .balanced = true}, 30},
        Case{"ThresholdsInStumps", {.max_trees = 60, .max_leaves = 2, .thresholds = true, .balanced = true}, 40},
        Case{"ThresholdsWidest", {.max_width = 64, .score_width = 64, .thresholds = true}, 60},
        Case{"VectorLeaves", {.score_width = 20, .outputs = 7, .vector_leaves = true}, 60},
        Case{"Leaves", {.max_trees = 30, .leaves = true}, 40},
        Case{"Minimum", {.max_trees = 12, .outputs = 1, .sum = "minimum"}, 30},
        Case{"Maximum", {.outputs = 3, .vector_leaves = true, .sum = "maximum"}, 30},
        Case{"FileOrder", {.sum = "file_order"}, 40},
        Case{"FileOrderWraps", {.sum = "file_order", .accumulator_width = 14}, 40},
        Case{"FileOrderSaturates", {.sum = "file_order", .accumulator_width = 14, .overflow = Overflow::kSat}, 40},
        Case{"BalancedSum", {.vector_leaves = true, .sum = "balanced", .accumulator_width = 15}, 40},
        Case{"BalancedSumSaturates", {.sum = "balanced", .accumulator_width = 13, .overflow = Overflow::kSatSym}, 40}),
    [](const auto& test) { return test.param.name; });

std::string description(const ForestGraphOptions& options) {
  const auto emulator = Emulator::create(testing::forest_graph(1, options));
  EXPECT_TRUE(emulator.ok()) << emulator.status();
  return emulator->describe();
}

TEST(Forest, IsSlicedWhereThatIsCheaper) {
  EXPECT_THAT(description({.max_leaves = 32, .balanced = true}), HasSubstr("forest sliced from"));
  EXPECT_THAT(description({.max_trees = 2, .max_leaves = 200000, .balanced = true}), HasSubstr("forest walked"));
}

TEST(Forest, WalksByBlocksWhereSplitsAreOneComparison) {
  if (!forest_has_blocks()) GTEST_SKIP() << "needs AVX-512";
  EXPECT_THAT(description({.max_leaves = 300, .thresholds = true}), HasSubstr("blocks"));
  EXPECT_THAT(description({.max_leaves = 300, .max_width = 32, .thresholds = true}), HasSubstr("blocks"));
  EXPECT_THAT(description({.max_leaves = 300, .max_intervals = 3}), HasSubstr("steps"));
}

/// One tree of a chain of splits: the value decides how far it is gone down.
Forest chain(int32_t splits) {
  Forest forest{.roots = {0}, .columns = {{}}, .outputs = {{.base = 0, .parts = {{0, 0}}}}};
  for (int32_t n = 0; n <= splits; ++n) forest.columns[0].push_back(n);
  for (int32_t n = 0; n < splits; ++n) {
    forest.predicates.push_back({0, {{n + 1, splits}}});
    forest.nodes.push_back({n, n + 1 < splits ? n + 1 : ~splits, ~n});
  }
  return forest;
}

TEST(Forest, WhatIsNotSlicedTakesNoMemoryForIt) {
  const Forest small = chain(40);
  const std::vector<Range> range = {{0, 40}};
  ForestSlices slices, too_dear;
  EXPECT_TRUE(plan_slices(small, cut_forest(small, range), range, 1e9, slices));
  EXPECT_FALSE(slices.tables.empty());
  EXPECT_FALSE(plan_slices(small, cut_forest(small, range), range, 0.1, too_dear));
  EXPECT_TRUE(too_dear.tables.empty());
  EXPECT_TRUE(too_dear.choices.empty());
  const ForestPlan large = plan_forest(chain(5000), {{0, 5000}});
  EXPECT_FALSE(large.sliced);
  EXPECT_TRUE(large.slices.features.empty());
  EXPECT_EQ(large.slices.search16.capacity(), 0u);
}

TEST(Forest, InstructionSetsGiveTheSameBits) {
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE(::testing::Message() << hwy::TargetName(left & -left) << ", seed " << seed);
      expect_equal(testing::forest_graph(seed, {.max_leaves = seed % 8 == 0 ? 600 : 40,
                                                .max_width = static_cast<int>(6 + seed % 30),
                                                .score_width = static_cast<int>(4 + seed % 25),
                                                .max_intervals = static_cast<int>(1 + seed % 4),
                                                .thresholds = seed % 3 == 0}),
                   530, seed);
    }
    hwy::SetSupportedTargetsForTest(0);
  }
}

}  // namespace
}  // namespace strobe::emulator
