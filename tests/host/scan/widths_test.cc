#include "host/scan/widths.h"

#include <gmock/gmock.h>

#include <cmath>

namespace strobe::scan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// y0 = x0 + 0.3 x1, y1 = -0.5 x0 + x1.
import::FloatModel tiny_network(){import::FloatModel model;
model.name = "tiny";
model.framework = "keras3";
import::FloatLayer input;
input.name = "x";
input.kind = "Input";
input.class_name = "InputLayer";
input.outputs = {"x"};
input.settings["shape"] = std::vector<int64_t>{2};
import::FloatLayer dense;
dense.name = "y";
dense.kind = "Dense";
dense.class_name = "Dense";
dense.inputs = {"x"};
dense.outputs = {"y"};
dense.settings["activation"] = std::string("linear");
dense.arrays["kernel"] = {{2, 2}, {1, -0.5, 0.3, 1}};
model.layers = {input, dense};
model.inputs = {{"x", {2}}};
model.outputs = {{"y", {2}}};
return model;
}  // namespace

/// In floating point: (1, -0.5), (0.3, 1), (0.575, 0) and (0.725, 0.5), so classes 0, 1, 0, 0.
Sample four_events() {
  Sample sample;
  sample.rows = 4;
  sample.inputs = {{1, 0, 0, 1, 0.5, 0.25, 0.5, 0.75}};
  sample.labels = {{0, 1, 0, 1}};
  return sample;
}

WidthScanSettings settings_of(WidthAxes axes) {
  WidthScanSettings settings;
  settings.axes = std::move(axes);
  return settings;
}

constexpr std::optional<int> kOpen;

TEST(WidthScan, GivesTheFiguresOfATinyNetworkWorkedOutByHand) {
  // In two bits the weights are 1, 0, 0 and 1: the scores are the inputs, which four bits hold exactly.
  const auto scan = scan_widths(tiny_network(), four_events(), settings_of({{4}, {2}, {kOpen}}));
  ASSERT_TRUE(scan.ok()) << scan.status();
  EXPECT_DOUBLE_EQ(*scan->float_accuracy, 0.75);
  ASSERT_EQ(scan->points.size(), 2u);
  const WidthPoint& point = scan->points[1];
  ASSERT_EQ(point.problem, "");
  EXPECT_EQ(point.options.input_type->to_string(), "ap_ufixed<4,1,AP_RND,AP_SAT>");
  EXPECT_EQ(point.options.weight_bits, 2);
  EXPECT_EQ(point.options.score_type, std::nullopt);
  const Figures& figures = point.figures;
  EXPECT_DOUBLE_EQ(*figures.merit.accuracy, 1.0);
  EXPECT_DOUBLE_EQ(*figures.merit.same_class, 0.75);
  // Differences 0, 0.5, 0.3, 0, 0.075, 0.25, 0.225 and 0.25.
  EXPECT_NEAR(figures.merit.difference.largest, 0.5, 1e-6);
  EXPECT_NEAR(figures.merit.difference.mean, 1.6 / 8, 1e-6);
  EXPECT_EQ(figures.input_overflow.total(), 0u);
  EXPECT_EQ(figures.overflow.total(), 0u);
  EXPECT_EQ(figures.cost.multiplications, 2);
  // m n (b_a b_w + b_a + b_w + log2 n), and two weights of one significant bit times four bits.
  EXPECT_DOUBLE_EQ(figures.cost.bit_operations, 4 * (4 * 2 + 4 + 2 + 1));
  EXPECT_DOUBLE_EQ(figures.cost.effective_bit_operations, 8);
  // The default costs more and is right less often.
  EXPECT_DOUBLE_EQ(*scan->points[0].figures.merit.accuracy, 0.75);
  EXPECT_THAT(scan->front, ElementsAre(1));
}

TEST(WidthScan, ScoresAreRoundedToTheTypeOfTheirRange) {
  const auto scan = scan_widths(tiny_network(), four_events(), settings_of({{kOpen}, {kOpen}, {2}}));
  ASSERT_TRUE(scan.ok()) << scan.status();
  const WidthPoint& point = scan->points.at(1);
  ASSERT_EQ(point.problem, "");
  EXPECT_EQ(point.options.score_type->to_string(), "ap_fixed<2,2,AP_RND,AP_SAT>");
  // (1, 0), (0, 1), (1, 0) and (1, 1): of equal scores the first wins, as in floating point.
  EXPECT_DOUBLE_EQ(*point.figures.merit.accuracy, 0.75);
  EXPECT_DOUBLE_EQ(*point.figures.merit.same_class, 1.0);
  EXPECT_NEAR(point.figures.merit.difference.largest, 0.5, 1e-6);
}

TEST(WidthScan, CountsWhatItsTypesCannotHold) {
  // In one bit, 0 to 1 is 0 and 1: 0.5 and 0.75 become 1; nothing saturates. The fixed type below cuts 1 off.
  WidthScanSettings settings = settings_of({{kOpen}, {kOpen}, {kOpen}});
  settings.options.input_type = model::FixedType::ufixed(4, 0, model::Rounding::kTrn, model::Overflow::kSat);
  const auto scan = scan_widths(tiny_network(), four_events(), settings);
  ASSERT_TRUE(scan.ok()) << scan.status();
  ASSERT_EQ(scan->points.size(), 1u);
  EXPECT_EQ(scan->points[0].figures.input_overflow.saturated, 2u);
}

TEST(WidthScan, KeepsCombinationsThatCannotBeWithTheReason) {
  const auto scan = scan_widths(tiny_network(), four_events(), settings_of({{8}, {1, 8}, {1, 8}}));
  ASSERT_TRUE(scan.ok()) << scan.status();
  ASSERT_EQ(scan->points.size(), 5u);
  EXPECT_EQ(scan->points[1].widths.to_string(), "8/1/1");
  EXPECT_THAT(scan->points[1].problem, HasSubstr("scores: 1 bits for numbers from -0.5 to 1; expected 2 to 64"));
  EXPECT_THAT(scan->points[2].problem, HasSubstr("weights of 1 bits; expected 2 to 32"));
  EXPECT_THAT(scan->points[3].problem, HasSubstr("scores: 1 bits"));
  EXPECT_THAT(scan->points[4].problem, IsEmpty());
  for (const size_t p : scan->front) EXPECT_EQ(scan->points[p].problem, "");
  const auto costs = tradeoffs(scan->points);
  EXPECT_TRUE(std::isnan(costs[1].cost));
  EXPECT_TRUE(std::isfinite(costs[4].cost));
}

TEST(WidthScan, GivesTheSameWithManyThreads) {
  WidthScanSettings settings = settings_of({{4, 8, 12}, {2, 4, 8}, {4, 8}});
  const auto one = scan_widths(tiny_network(), four_events(), settings);
  settings.threads = 5;
  size_t last = 0, calls = 0;
  settings.progress = [&](size_t done) {
    EXPECT_EQ(done, last + 1);
    last = done;
    ++calls;
  };
  const auto many = scan_widths(tiny_network(), four_events(), settings);
  ASSERT_TRUE(one.ok() && many.ok());
  EXPECT_EQ(calls, point_count(settings.axes));
  ASSERT_EQ(one->points.size(), many->points.size());
  for (size_t p = 0; p < one->points.size(); ++p) {
    EXPECT_EQ(one->points[p].widths.to_string(), many->points[p].widths.to_string());
    EXPECT_EQ(one->points[p].figures.merit.difference.mean, many->points[p].figures.merit.difference.mean);
    EXPECT_EQ(one->points[p].figures.cost.bit_operations, many->points[p].figures.cost.bit_operations);
  }
  EXPECT_EQ(one->front, many->front);
}

TEST(WidthScan, WithoutLabelsTheMeritIsTheShareOfTheSameClass) {
  Sample sample = four_events();
  sample.labels = {{}};
  const auto scan = scan_widths(tiny_network(), sample, settings_of({{4}, {2}, {kOpen}}));
  ASSERT_TRUE(scan.ok()) << scan.status();
  EXPECT_EQ(scan->float_accuracy, std::nullopt);
  EXPECT_EQ(scan->points[1].figures.merit.accuracy, std::nullopt);
  EXPECT_THAT(merit_title(scan->points), HasSubstr("same class"));
  EXPECT_DOUBLE_EQ(tradeoffs(scan->points)[1].merit, 75);
}

TEST(WidthScan, EventsThatTheInputRefusesAreAProblemOfThePoint) {
  Sample sample = four_events();
  sample.inputs[0][5] = NAN;
  const auto scan = scan_widths(tiny_network(), sample, settings_of({{4}, {2}, {kOpen}}));
  ASSERT_TRUE(scan.ok()) << scan.status();
  for (const WidthPoint& point : scan->points) EXPECT_THAT(point.problem, HasSubstr("2"));  // the event
  EXPECT_THAT(scan->front, IsEmpty());
}

TEST(TypeForRange, HoldsTheRangeInTheFewestIntegerBits) {
  const auto text = [](double low, double high, int bits) {
    const auto type = type_for_range(low, high, bits);
    return type.ok() ? type->to_string() : std::string(type.status().message());
  };
  EXPECT_EQ(text(-1, 0.99, 8), "ap_fixed<8,1,AP_RND,AP_SAT>");
  EXPECT_EQ(text(-1, 1, 8), "ap_fixed<8,2,AP_RND,AP_SAT>");
  EXPECT_EQ(text(0, 0.24, 8), "ap_ufixed<8,-2,AP_RND,AP_SAT>");
  EXPECT_EQ(text(0, 0.25, 8), "ap_ufixed<8,-1,AP_RND,AP_SAT>");
  EXPECT_EQ(text(-100, 3, 4), "ap_fixed<4,8,AP_RND,AP_SAT>");
  EXPECT_THAT(text(-1, 1, 1), HasSubstr("1 bits"));
  EXPECT_THAT(text(0, 1, 64), HasSubstr("expected 1 to 63"));
}

}  // namespace strobe::scan
}  // namespace strobe::scan
