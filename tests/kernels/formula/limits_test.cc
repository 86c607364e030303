/// Functions of arguments far beyond where they are flat, and of many turns.

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/kernels/formula/ways.h"

namespace strobe::testing {
namespace {

using model::FixedType;

/// Powers of inputs over -32..32 reach 10^18 where only values next to 0 matter.
TEST(FormulaLimits, ArgumentsOfAnySizeReachFlatFunctions) {
  const FixedType input = FixedType::fixed(16, 6);
  for (const char* text :
       {"tanh((7.5 * x0 - 3)^4 + (12 * x1 + 2)^2)", "erf(11 * x0^3 - x1)", "sigmoid(x0^8 - x1^8)",
        "exp(-(x0^2 + 3 * x1)^2)", "exp(-abs(x0 * x1))", "sin(50 * x0^2 + x1)", "cos(x0^4)", "softplus(-x0^6) * x1",
        "tanh(x0^5 + x1) * tanh(-3 * x0^5)", "atan(x0^6 * 0.001)", "inv(1 + x0^8)", "tanh(x0^2 + 1000000)",
        "y = x0^4\ntanh(y) + 0.001 * y", "max(tanh(x0^16 - 2), erf(-abs(x1^3)))", "tanh((x0 * x1 * x1)^3)"}) {
    SCOPED_TRACE(text);
    auto formula = formula::parse(text, "x[2]");
    ASSERT_TRUE(formula.ok()) << formula.status();
    auto result = quantised(absl::StrCat("input x[2]\n", text), input);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_LE(bound_of(result->graph), 0x1p-10);
    EXPECT_LE(largest_error(result->graph, *formula, random_inputs(result->graph, 20000, 5), 20000),
              bound_of(result->graph) * 1.0001);
  }
}

}  // namespace
}  // namespace strobe::testing
