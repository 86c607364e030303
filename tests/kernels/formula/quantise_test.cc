/// What the compiler refuses, warns of and counts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/kernels/formula/ways.h"

namespace strobe::testing {
namespace {

using model::FixedType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr FixedType kInput = {true, 16, 6};

std::string flaw(const std::string& text, const std::string& config = "", FixedType input = kInput) {
  auto result = quantised(text, input, config);
  EXPECT_FALSE(result.ok()) << text;
  return std::string(result.status().message());
}

double value(const model::Graph& graph, std::vector<double> x, model::OverflowCount* overflow = nullptr) {
  std::vector<int64_t> raw;
  for (const double v : x) raw.push_back(model::cast(v, kInput));
  const std::vector<int64_t> y = outputs_of(graph, raw, 1, overflow);
  return y.empty() ? NAN : model::to_double(y[0], graph.output(0).type.types[0]);
}

TEST(FormulaQuantise, RefusesADivisionByWhatCanBeZero) {
  EXPECT_THAT(flaw("x0 / x1"), HasSubstr("line 1, column 4: division by an interval that contains zero"));
  EXPECT_TRUE(quantised("x0 / max(x1, 0.5)", kInput).ok());
}

TEST(FormulaQuantise, SaturatesAndCountsADivisionByZeroWhereAsked) {
  auto result = quantised("1 / x0", kInput, "Formula: {Domain: saturate, OutputError: 0.01}");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("inv: its argument (-32 to 31.999) can leave")));
  model::OverflowCount count;
  EXPECT_NEAR(value(result->graph, {0.5}, &count), 2, 0.01);
  EXPECT_EQ(count.total(), 0U);
  EXPECT_NEAR(value(result->graph, {-1.0 / 1024}, &count), -1024, 0.01);
  EXPECT_EQ(count.total(), 0U);
  EXPECT_NEAR(value(result->graph, {0}, &count), 1024, 0.01);
  EXPECT_EQ(count.saturated, 1U);
}

TEST(FormulaQuantise, GivesTheLimitsValueOutsideADomainAndCounts) {
  auto result = quantised("log(x0)", kInput);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("line 1, column 1: log: its argument (-32 to 31.999)")));
  model::OverflowCount count;
  EXPECT_NEAR(value(result->graph, {2}, &count), std::log(2.0), 0x1p-10);
  EXPECT_EQ(count.total(), 0U);
  for (const double x : {0.0, -3.0}) {
    EXPECT_NEAR(value(result->graph, {x}, &count), std::log(1.0 / 1024), 0x1p-10);
    EXPECT_EQ(count.saturated, 1U) << x;
  }
  result = quantised("asin(x0) + sqrt(x0)", kInput);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->warnings.size(), 2U);
  EXPECT_NEAR(value(result->graph, {20}, &count), std::asin(1.0) + std::sqrt(20.0), 0x1p-10);
  EXPECT_EQ(count.saturated, 1U);
  EXPECT_NEAR(value(result->graph, {-20}, &count), std::asin(-1.0), 0x1p-10);
  EXPECT_EQ(count.saturated, 2U);
}

TEST(FormulaQuantise, RefusesATypeThatOverflows) {
  EXPECT_THAT(flaw("output y : ap_fixed<8,4> = x0"), HasSubstr("overflow ap_fixed<8,4>"));
  EXPECT_THAT(flaw("x0 * x1", "Formula: {OutputType: 'ap_fixed<16,8>'}"), HasSubstr("output 'y0': values of -1023"));
  EXPECT_TRUE(quantised("x0 * x1", kInput, "Formula: {OutputType: 'ap_fixed<16,8,AP_RND,AP_SAT>'}").ok());
}

TEST(FormulaQuantise, RefusesWhatCannotBeComputed) {
  EXPECT_THAT(flaw("log(-1 - x0 * x0)"), HasSubstr("never lies where the function is defined"));
  EXPECT_THAT(flaw("tan(x0)"), HasSubstr("passes a pole"));
  EXPECT_THAT(flaw("exp(exp(x0))"), HasSubstr("exceed 2^100"));
  EXPECT_THAT(flaw("(-2) ^ x0"), HasSubstr("positive base"));
  EXPECT_THAT(flaw("exp(x0)", "Formula: {OutputError: 1e-9}"), HasSubstr("line 1, column 1"));
}

TEST(FormulaQuantise, NamesTheLineOfABadConfiguration) {
  EXPECT_THAT(flaw("x0", "Formula:\n  OutputErr: 1\n"), HasSubstr("config.yml:2: unknown key Formula.OutputErr"));
  EXPECT_THAT(flaw("x0", "Formula:\n  OutputError: -1\n"), HasSubstr("config.yml:2: OutputError: expected a positive"));
  EXPECT_THAT(flaw("x0", "Model: {Precision: auto}"), HasSubstr("expected one map `Formula`"));
  EXPECT_THAT(flaw("x0", "Formula: {Compatibility: hls4ml}"), HasSubstr("needs a Precision"));
  EXPECT_THAT(flaw("x0", "Formula: {Precision: 'ap_fixed<16,6>'}"), HasSubstr("belong to Compatibility"));
  EXPECT_THAT(flaw("x0", "Formula: ["), HasSubstr("config.yml:1: not YAML"));
}

TEST(FormulaQuantise, AnErrorMayBeWrittenAsAPower) {
  for (const char* number : {"2^-6", "2**-6", "0.015625"}) {
    auto result = quantised("sin(x0)", kInput, absl::StrCat("Formula: {OutputError: ", number, "}"));
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_LE(bound_of(result->graph), 0x1p-6);
    EXPECT_GT(bound_of(result->graph), 0x1p-9) << "as coarse as was asked for";
  }
  for (const char* number : {"2^", "^2", "2^x", "0^-1", "2^-10^2", "two"})
    EXPECT_THAT(flaw("x0", absl::StrCat("Formula: {OutputError: ", number, "}")),
                HasSubstr(absl::StrCat("expected a positive number such as 0.001 or 2^-10, found '", number)));
}

TEST(FormulaQuantise, AHighPowerInHls4mlsNormalFormKeepsItsFactors) {
  // 34 factors are multiplied one by one, each node appended behind those that name it.
  auto result = quantised("x0**3 + x1**34", kInput, "Formula: {Compatibility: hls4ml, Precision: 'ap_fixed<4,2>'}");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(value(result->graph, {0, -1}), 1);
  EXPECT_EQ(value(result->graph, {-1, -1}), 0);
  EXPECT_EQ(value(result->graph, {1, 0}), 1);
}

TEST(FormulaQuantise, ComparesWithConstantsExactly) {
  // 0.3 lies between two points of the grid, 0.25 on one.
  auto result =
      quantised("(x0 > 0.3) + 2 * (x0 >= 0.25) + 4 * (x0 > 0.25) + 8 * (0.3 > x0) + 16 * (x0 == 0.3)", kInput);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(value(result->graph, {307.0 / 1024}), 2 + 4 + 8);
  EXPECT_EQ(value(result->graph, {308.0 / 1024}), 1 + 2 + 4);
  EXPECT_EQ(value(result->graph, {0.25}), 2 + 8);
  EXPECT_EQ(bound_of(result->graph), 0);
}

TEST(FormulaQuantise, LogicAndChoicesAreExact) {
  const std::string text =
      "x0 > 1 and x1 < 2 or not x2 > 0\nround(x0 * 0.5)\nargmax(x0, x1, x2)\nsign(x0) * floor(x1) + ceil(x2)\n"
      "x0 == x1 ? abs(x2) : min(x0, x1)\n";
  auto formula = formula::parse(text);
  ASSERT_TRUE(formula.ok()) << formula.status();
  auto result = quantised(text, FixedType::fixed(6, 4));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(largest_error(result->graph, *formula, random_inputs(result->graph, 5000, 3), 5000), 0);
}

TEST(FormulaQuantise, WhatTheTypeOfAStepLosesIsNoneOfTheErrorAskedFor) {
  const std::string text = "rough : ap_fixed<8,4,AP_RND,AP_SAT> = x0 * 0.3\noutput y = rough * 1.7 + x1";
  auto formula = formula::parse(text);
  auto result = quantised(text, kInput, "Formula: {OutputError: 0.001}");
  ASSERT_TRUE(formula.ok() && result.ok()) << result.status();
  EXPECT_GT(bound_of(result->graph), 1.7 / 16);
  EXPECT_LT(bound_of(result->graph), 1.7 / 16 + 0.001);
  EXPECT_LE(largest_error(result->graph, *formula, random_inputs(result->graph, 5000, 5), 5000),
            bound_of(result->graph));
}

TEST(FormulaQuantise, ATypeOfAStepIsKept) {
  auto result = quantised("half : ap_fixed<7,6,AP_TRN> = x0 * 0.5\noutput y = half + 1", kInput);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(value(result->graph, {0.999}), 1);
  EXPECT_EQ(value(result->graph, {1.001}), 1.5);
}

}  // namespace
}  // namespace strobe::testing
