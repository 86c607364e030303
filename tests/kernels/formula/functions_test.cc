/// Every function over every value of its argument's grid: the bound that the compiler states holds.

#include <gtest/gtest.h>

#include "tests/kernels/formula/ways.h"

namespace strobe::testing {
namespace {

using model::FixedType;

struct Case {
  const char* text;
  FixedType input;
  double error;
};

std::vector<int64_t> whole_grid(const FixedType& type) {
  std::vector<int64_t> raw;
  for (auto v = static_cast<int64_t>(type.min_raw()); v <= static_cast<int64_t>(type.max_raw()); ++v) raw.push_back(v);
  return raw;
}

class EveryValue : public ::testing::TestWithParam<Case> {};

TEST_P(EveryValue, StaysWithinTheStatedBound) {
  const Case& c = GetParam();
  auto formula = formula::parse(c.text);
  ASSERT_TRUE(formula.ok()) << formula.status();
  auto result = quantised(c.text, c.input, "Formula: {OutputError: " + std::to_string(c.error) + "}");
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<int64_t> inputs = whole_grid(c.input);
  const double error = largest_error(result->graph, *formula, inputs, inputs.size());
  EXPECT_LE(error, bound_of(result->graph) * (1 + 1e-3)) << c.text;
  EXPECT_LE(bound_of(result->graph), c.error) << c.text;
  EXPECT_GT(error, 0) << c.text << " cannot be exact";
}

constexpr FixedType kWide = {true, 16, 6}, kUnit = {true, 16, 1}, kShort = {true, 14, 4};

const Case kCases[] = {
    {"sin(x0)", kWide, 1e-3},
    {"cos(x0)", kWide, 1e-4},
    {"sin(x0)", kShort, 1e-3},
    {"tan(x0)", kUnit, 1e-3},
    {"asin(x0)", kUnit, 1e-3},
    {"acos(x0)", kUnit, 1e-3},
    {"atan(x0)", kWide, 1e-4},
    {"sinh(x0 * 0.125)", kWide, 1e-3},
    {"cosh(x0 * 0.125)", kWide, 1e-3},
    {"tanh(x0)", kWide, 1e-4},
    {"asinh(x0)", kWide, 1e-4},
    {"acosh(abs(x0) + 1)", kWide, 1e-3},
    {"atanh(x0 * 0.5)", kUnit, 1e-4},
    {"erf(x0)", kWide, 1e-4},
    {"erfc(x0)", kWide, 1e-3},
    {"exp(x0)", kShort, 1e-2},
    {"exp(-abs(x0))", kWide, 1e-4},
    {"exp2(x0)", kShort, 1e-3},
    {"expm1(x0)", kUnit, 1e-4},
    {"log(abs(x0) + 0.125)", kWide, 1e-4},
    {"log2(abs(x0) + 1)", kWide, 1e-4},
    {"log10(abs(x0) + 0.25)", kWide, 1e-4},
    {"log1p(abs(x0))", kWide, 1e-4},
    {"log(x0)", {false, 16, 6}, 1e-3},
    {"sqrt(abs(x0))", kWide, 1e-4},
    {"sqrt(x0)", {false, 18, 6}, 1e-4},
    {"cbrt(x0)", kWide, 1e-3},
    {"inv(x0 * x0 + 0.5)", kWide, 1e-3},
    {"1 / (abs(x0) + 0.0625)", kWide, 1e-3},
    {"sigmoid(x0)", kWide, 1e-4},
    {"softplus(x0)", kWide, 1e-4},
    {"(abs(x0) + 0.25) ^ 1.5", kWide, 1e-3},
    {"(abs(x0) + 0.5) ^ -0.3", kWide, 1e-4},
    {"(x0 * x0 + 1) ^ -2", kShort, 1e-4},
    {"1.3 ^ x0", kShort, 1e-4},
    {"x0 ^ 3 * 0.001 - 0.7 * x0", kWide, 1e-3},
};

INSTANTIATE_TEST_SUITE_P(Functions, EveryValue, ::testing::ValuesIn(kCases));

}  // namespace
}  // namespace strobe::testing
