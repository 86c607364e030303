#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <random>

#include "kernels/import/forest_reference.h"
#include "kernels/import/forest_tree.h"
#include "kernels/model/intervals.h"
#include "kernels/quantise/forest.h"
#include "kernels/quantise/forest_predicates.h"
#include "tests/kernels/import/import_fixture.h"
#include "tests/kernels/quantise/golden.h"

/// The rules by which a forest becomes integers, one by one.
namespace strobe {
namespace {

using import::Forest;
using import::ForestNode;
using import::MissingValues;
using import::SplitTest;
using model::FixedType;
using model::InputEncoding;
using quantise::RawGrid;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The values of 0 to 15 whose bits are set, as intervals: ascending, disjoint, not adjacent.
model::Intervals intervals_of(uint32_t values) {
  model::Intervals set;
  for (int64_t low = 0; low < 16; ++low) {
    if ((values >> low & 1) == 0) continue;
    int64_t high = low;
    while ((values >> (high + 1) & 1) != 0) ++high;
    set.push_back({low, high});
    low = high;
  }
  return set;
}

TEST(Intervals, AreSetsOfValues) {
  constexpr unsigned kSeed = 7;
  std::printf("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (int trial = 0; trial < 2000; ++trial) {
    const uint32_t a = random() & 0xffff, b = random() & 0xffff;
    const auto low = static_cast<int64_t>(random() % 16), high = low + static_cast<int64_t>(random() % 4);
    const uint32_t hole = (2u << high) - (1u << low);
    const model::Intervals set = intervals_of(a);
    EXPECT_EQ(model::joined(set, intervals_of(b)), intervals_of(a | b));
    EXPECT_EQ(model::without(set, {low, high}), intervals_of(a & ~hole));
    EXPECT_EQ(model::contains(set, low), (a >> low & 1) != 0);
  }
}

/// What a split answers to a number, as its framework computes it.
bool answer(const ForestNode& node, const std::vector<int64_t>& categories, double x) {
  const bool zero = node.missing == MissingValues::kNanAndZero && std::abs(x) <= static_cast<double>(1e-35F);
  if (zero || (std::isnan(x) && node.missing != MissingValues::kNone)) return node.missing_goes_true;
  if (std::isnan(x)) x = 0;  // as LightGBM does where other splits know missing values
  switch (node.test) {
    case SplitTest::kLess:
      return x < node.threshold;
    case SplitTest::kLessEqual:
      return x <= node.threshold;
    case SplitTest::kGreater:
      return x > node.threshold;
    case SplitTest::kGreaterEqual:
      return x >= node.threshold;
    case SplitTest::kEqual:
      return x == node.threshold;
    case SplitTest::kNotEqual:
      return x != node.threshold;
    case SplitTest::kInCategories:
      break;
  }
  return std::find(categories.begin(), categories.end(), static_cast<int64_t>(std::trunc(x))) != categories.end();
}

ForestNode random_split(std::mt19937_64& random, double span) {
  ForestNode node;
  node.feature = 0;
  node.test = static_cast<SplitTest>(random() % 7);
  node.missing = static_cast<MissingValues>(random() % 3);
  node.missing_goes_true = random() % 2 != 0;
  node.threshold = std::uniform_real_distribution<>(-span, span)(random);
  if (random() % 2 != 0) node.threshold = std::round(node.threshold * 8) / 8;
  return node;
}

TEST(ForestSplit, AnswersEveryFixedPointValueAsInFloatingPoint) {
  const uint64_t seed = 3;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 4000; ++round) {
    const FixedType type{random() % 2 != 0, 2 + static_cast<int>(random() % 6), static_cast<int>(random() % 7)};
    InputEncoding encoding;
    if (random() % 2 != 0) encoding.missing = model::missing_code(type);
    const RawGrid grid(type, encoding);
    const ForestNode node = random_split(random, 1.5 * std::ldexp(1.0, type.integer));
    const std::vector<int64_t> categories = {-2, 0, 1, 5};
    const auto set = quantise::true_set(node, node.threshold, &categories, grid);
    for (int64_t raw = grid.low(); raw <= grid.high(); ++raw) {
      const double x = model::to_double(raw, type);
      ASSERT_EQ(contains(set, raw), answer(node, categories, x))
          << type.to_string() << " test " << static_cast<int>(node.test) << " threshold " << node.threshold << " x "
          << x;
      ASSERT_NE(contains(set, raw), contains(grid.complement(set), raw));
    }
    if (encoding.missing) {
      ASSERT_EQ(contains(set, *encoding.missing), answer(node, categories, kNan));
    }
  }
}

TEST(ForestSplit, AnswersFloatsAroundItsThresholdAsInFloatingPoint) {
  const uint64_t seed = 4;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const RawGrid grid(model::kOrderedFloatType, {InputEncoding::Kind::kOrderedFloat, model::kOrderedFloatMissing});
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (int round = 0; round < 20000; ++round) {
    ForestNode node = random_split(random, std::ldexp(1.0, static_cast<int>(random() % 80) - 40));
    if (round % 50 == 0) node.threshold = 0;
    if (round % 50 == 1) node.threshold = 1e300;
    const std::vector<int64_t> categories = {0, 3};
    const auto set = quantise::true_set(node, node.threshold, &categories, grid);
    const auto near = static_cast<float>(node.threshold);
    for (const float x : {near, std::nextafter(near, kInfinity), std::nextafter(near, -kInfinity), -near, 0.0F, -0.0F,
                          kInfinity, -kInfinity, 3.5F, -0.9F, 1e-36F}) {
      if (std::isinf(x) && node.test == SplitTest::kInCategories) continue;
      ASSERT_EQ(contains(set, model::ordered_key(x)), answer(node, categories, x))
          << "test " << static_cast<int>(node.test) << " threshold " << node.threshold << " x " << x;
    }
  }
}

/// One split on feature 0 of 2, leaves 1 (true) and 2.
import::FloatModel one_split(SplitTest test, double threshold,
                             MissingValues missing = MissingValues::kNone){Forest forest;
forest.features = 2;
forest.base = {0};
forest.leaf_values = {1, 2};
ForestNode split;
split.feature = 0;
split.test = test;
split.threshold = threshold;
split.missing = missing;
split.missing_goes_true = true;
split.if_true = 1;
split.if_false = 2;
ForestNode left, right;
left.leaf = 0;
right.leaf = 1;
forest.nodes = {split, left, right};
forest.trees = {{0, 0}};
auto model = import::forest_model(forest, "one_split", "test", {});
EXPECT_TRUE(model.ok()) << model.status();
return *model;
}  // namespace

std::vector<double> scores(const import::FloatModel& model, const std::string& config, std::vector<double> x) {
  std::vector<double> events;
  for (const double value : x) events.insert(events.end(), {value, 0.0});
  quantise::QuantiseOptions options;
  options.config = config;
  options.config_origin = "forest.yml";
  const auto run = testing::run_network(model, options, {{events, x.size()}});
  EXPECT_TRUE(run.ok()) << run.status();
  return run.ok() ? run->outputs() : std::vector<double>();
}

/// conifer's C++ gives an axis-aligned split a weight of 1 in the threshold's type. With one bit before the point that
/// is -1, and every split asks the opposite side. In its compatibility mode strobe does the same; else it does not.
TEST(ConiferCompatibility, AThresholdTypeThatCannotHoldOneTurnsEverySplitRound) {
  const import::FloatModel model = one_split(SplitTest::kLess, 0.25);
  const std::string types = "InputPrecision: 'ap_fixed<16,2>'\nThresholdPrecision: 'ap_fixed<16,1>'\n";
  EXPECT_EQ(scores(model, types, {0.5, -0.5}), (std::vector<double>{2, 1}));  // the truth
  EXPECT_EQ(scores(model, types + "Compatibility: conifer\nScorePrecision: 'ap_fixed<16,6>'", {0.5, -0.5}),
            (std::vector<double>{1, 2}));  // conifer is wrong for every event
  EXPECT_EQ(
      scores(model, types + "Compatibility: conifer\nScorePrecision: 'ap_fixed<16,6>'\nSum: balanced", {0.5, -0.5}),
      (std::vector<double>{2, 1}));  // its HLS compares inputs as they are
}

TEST(ForestInputs, ReserveTheSmallestValueForMissingOnes) {
  const auto model = one_split(SplitTest::kLess, -1000, MissingValues::kNan);
  quantise::QuantiseOptions options;
  options.input_type = FixedType::fixed(8, 4);
  const auto quantised = quantise::quantise(model, options);
  ASSERT_TRUE(quantised.ok()) << quantised.status();
  EXPECT_EQ(quantised->graph.input(0).encoding.missing, -128);
  // The threshold is below every number, so only a missing value goes left.
  EXPECT_EQ(scores(model, "{InputPrecision: 'ap_fixed<8,4>'}", {kNan, -8, 7}), (std::vector<double>{1, 2, 2}));
  EXPECT_EQ(scores(model, "", {kNan, -8, -1001}), (std::vector<double>{1, 2, 1}));
}

/// As LightGBM's missing types NaN and None side by side.
TEST(ForestInputs, TakeMissingValuesForZeroAtSplitsThatKnowNone) {
  auto model = one_split(SplitTest::kLess, -1, MissingValues::kNan);
  for (const double threshold : {-0.5, 0.5}) {
    Forest forest = *model.layers.back().forest;
    ForestNode split = forest.nodes[0], left, right;
    split.missing = MissingValues::kNone;
    split.threshold = threshold;
    split.if_true = static_cast<int32_t>(forest.nodes.size()) + 1;
    split.if_false = split.if_true + 1;
    left.leaf = 2;
    right.leaf = 3;
    forest.trees.push_back({split.if_true - 1, 0});
    forest.nodes.insert(forest.nodes.end(), {split, left, right});
    forest.leaf_values.insert(forest.leaf_values.end(), {10, 20});
    const auto two = import::forest_model(forest, "two_splits", "test", {});
    ASSERT_TRUE(two.ok()) << two.status();
    const std::vector<double> events = {kNan, 0, -2, 0, 0, 0};
    const auto floating = import::evaluate_forest(forest, events, 3);
    ASSERT_TRUE(floating.ok()) << floating.status();
    EXPECT_EQ(floating->margins[0], threshold > 0 ? 11 : 21);
    EXPECT_EQ(scores(*two, "", {kNan, -2, 0}), floating->margins);
  }
}

TEST(ForestInputs, ObliqueSplitsGoWhereTheFrameworkSendsThem) {
  NEED_SHARED_DATA();
  const auto model = import::import_model(model_path("trees/ydf_oblique_binary_conifer.json"));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto refused = quantise::quantise(*model, {});
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("oblique splits add inputs up"));
  quantise::QuantiseOptions options;
  options.input_type = FixedType::fixed(16, 6);
  const auto events = testing::shared_jets(1024);
  const auto run = testing::run_network(*model, options, {events});
  ASSERT_TRUE(run.ok()) << run.status();
  const auto floating = import::evaluate_forest(*model->layers.back().forest, events.values, events.rows);
  ASSERT_TRUE(floating.ok()) << floating.status();
  for (size_t i = 0; i < floating->margins.size(); ++i)
    ASSERT_NEAR(run->outputs()[i], floating->margins[i], 0x1p-12) << "event " << i;
}

TEST(ForestConfig, NamesWhatIsWrong) {
  const import::FloatModel model = one_split(SplitTest::kLess, 0.25);
  for (const auto& [config, message] : {
           std::pair("[1, 2]", "forest.yml:1: expected a map"),
           {"InputPrecision: 'ap_fixd<3>'", "forest.yml:1: InputPrecision: "},
           {"\nSomething: 1", "forest.yml:2: unknown key 'Something'; expected InputPrecision"},
           {"ScoreError: -1", "forest.yml:1: ScoreError: expected exact, or a number above 0"},
           {"ScoreError: 2^x", "ScoreError: expected exact"},
           {"Compatibility: hls4ml", "Compatibility: expected none or conifer, found 'hls4ml'"},
           {"Sum: balanced", "Sum needs Compatibility: conifer"},
           {"{Compatibility: conifer, Output: probabilities}", "conifer's scores are margins"},
           {"InputPrecision: 'ap_fixed<60,6>'", "a forest takes 2 to 48 bits"},
           {"InputPrecision: [1]", "InputPrecision must be a value"},
           {"{", "forest.yml:"},
       }) {
    quantise::QuantiseOptions options;
    options.config = config;
    options.config_origin = "forest.yml";
    const auto result = quantise::quantise(model, options);
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << config;
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(message)) << config;
  }
  quantise::QuantiseOptions both;
  both.config = "InputPrecision: 'ap_fixed<16,6>'";
  both.config_origin = "forest.yml";
  both.input_type = FixedType::fixed(18, 8);
  EXPECT_THAT(std::string(quantise::quantise(model, both).status().message()),
              HasSubstr("--input-type is ap_fixed<18,8>, forest.yml says InputPrecision: ap_fixed<16,6>"));
}

TEST(ForestOutput, ProbabilitiesFollowByTheStatedTables) {
  NEED_SHARED_DATA();
  for (const char* name : {"xgb_binary", "xgb_multi_20x5"}) {
    const auto model = import::import_model(model_path(std::string("trees/") + name + ".json"));
    ASSERT_TRUE(model.ok()) << model.status();
    quantise::QuantiseOptions options;
    options.config = "Output: probabilities";
    const auto run = testing::run_network(*model, options, {testing::shared_jets(1024)});
    ASSERT_TRUE(run.ok()) << run.status();
    const auto arrays = testing::load_arrays(model_path(std::string("trees/expected/") + name + "__framework.npz"));
    const auto expected = arrays.at("probabilities").numbers();
    const auto found = run->outputs();
    ASSERT_EQ(found.size(), expected.size());
    // The sigmoid's table to 2^-10 (docs/forests.md), and the margins' own rounding.
    const double most = found.size() == 1024 ? 0.0011 : 0.01;
    for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], most) << name << " value " << i;
  }
}

}  // namespace strobe
}  // namespace strobe
