/// How much work it is to find tables and polynomials for functions: counted in computations of the functions, which is
/// what it costs, and not in time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/formula_lower.h"
#include "kernels/quantise/formula_ranges.h"
#include "tests/kernels/formula/ways.h"

namespace strobe::testing {
namespace {

using model::FixedType;
using quantise::ArgumentGrid;
using quantise::FunctionFits;
using quantise::SmoothFunction;
using ::testing::HasSubstr;

SmoothFunction function(std::string_view name) {
  formula::Term term;
  term.op = formula::Op::kFunction;
  term.index = formula::find_function(name);
  return quantise::smooth_function(term);
}

/// 2^log_size arguments from 0 to 2.
ArgumentGrid up_to_two(int log_size) { return {0, log_size - 1, int64_t{1} << log_size, 0, 2}; }

absl::StatusOr<quantise::LoweredFormula> lowered(const std::string& text, const FixedType& input, double error) {
  auto formula = formula::parse(text);
  if (!formula.ok()) return formula.status();
  quantise::FormulaConfig config;
  config.output_error.all = error;
  return quantise::lower_formula(*formula, {{static_cast<int64_t>(formula->inputs.size())}, {input}}, config);
}

/// erfc comes close to 0, where cbrt is infinitely steep: cbrt gets so fine an argument that trying each of its values,
/// as was done once for tables of constants, takes minutes.
TEST(FormulaFit, CbrtOfErfcIsLittleWorkAndKeepsItsError) {
  const FixedType input = FixedType::fixed(12, 4);
  auto formula = lowered("cbrt(erfc(x0))", input, 0.01);
  ASSERT_TRUE(formula.ok()) << formula.status();
  EXPECT_LT(formula->evaluations, 1'000'000);
  EXPECT_LE(formula->error_bounds[0], 0.01);
  auto result = quantised("cbrt(erfc(x0))", input, "Formula: {OutputError: 0.01}");
  ASSERT_TRUE(result.ok()) << result.status();
  std::vector<int64_t> every_input;
  for (int64_t raw = input.min_raw(); raw <= input.max_raw(); ++raw) every_input.push_back(raw);
  EXPECT_LE(largest_error(result->graph, *formula::parse("cbrt(erfc(x0))"), every_input, every_input.size()),
            bound_of(result->graph));
}

TEST(FormulaFit, TheWorkDoesNotGrowWithTheGrid) {
  for (const char* name : {"cbrt", "sqrt", "tanh", "erfc", "exp"}) {
    SCOPED_TRACE(name);
    FunctionFits coarse, fine;
    ASSERT_TRUE(coarse.fit(function(name), up_to_two(20), 1e-3).ok());
    ASSERT_TRUE(fine.fit(function(name), up_to_two(44), 1e-3).ok());
    EXPECT_LT(fine.evaluations(), 600'000);
    EXPECT_LT(fine.evaluations(), 3 * coarse.evaluations());
  }
}

TEST(FormulaFit, AnErrorOutOfReachIsRefusedAfterLittleWork) {
  FunctionFits fits;
  // A sine of 10^6 turns has two bends a turn, and each wants a cell.
  SmoothFunction wave = function("sin");
  wave.scale = 3e6;
  const auto fit = fits.fit(wave, up_to_two(40), 1e-6);
  ASSERT_FALSE(fit.ok());
  EXPECT_THAT(std::string(fit.status().message()), HasSubstr("bends too much for the error asked for"));
  EXPECT_LT(fits.evaluations(), 2'000'000);
}

TEST(FormulaFit, TheSameFunctionOfTheSameArgumentsIsFittedOnce) {
  FunctionFits fits;
  const auto first = fits.fit(function("tanh"), up_to_two(24), 1e-5);
  ASSERT_TRUE(first.ok()) << first.status();
  const int64_t once = fits.evaluations();
  EXPECT_GT(once, 0);
  ASSERT_TRUE(fits.fit(function("tanh"), up_to_two(24), 1e-5).ok());
  EXPECT_EQ(fits.evaluations(), once);
  ASSERT_TRUE(fits.fit(function("erf"), up_to_two(24), 1e-5).ok());
  EXPECT_GT(fits.evaluations(), once) << "another function is another fit";
}

/// What the steps of a fit give at a grid point.
double computed(const quantise::IntegerFit& fit, int64_t point) {
  auto piece = fit.pieces.begin();
  while (piece + 1 != fit.pieces.end() && (piece + 1)->start <= point) ++piece;
  const int64_t from_start = point - piece->start;
  const auto cell = static_cast<size_t>(piece->base + (from_start >> piece->log_cell));
  if (fit.degree == 0) return std::ldexp(static_cast<double>(fit.c[0][cell]), -fit.result_fraction);
  // The place in the cell in t_bits, cut off; then Horner's rule, each product cut to the coefficients' grid.
  const int64_t place = from_start & ((int64_t{1} << piece->log_cell) - 1);
  const int up = fit.t_bits - piece->log_cell;
  const model::Wide t = up >= 0 ? place << up : place >> -up;
  model::Wide sum = fit.c[fit.degree][cell];
  for (int d = fit.degree - 1; d > 0; --d) sum = fit.c[d][cell] + ((sum * t) >> fit.t_bits);
  const model::Wide y = (static_cast<model::Wide>(fit.c[0][cell]) << fit.t_bits) + sum * t;
  const int drop = fit.fraction + fit.t_bits - fit.result_fraction;
  const model::Wide rounded = drop > 0 ? (y + (model::Wide{1} << (drop - 1))) >> drop : y << -drop;
  return std::ldexp(static_cast<double>(rounded), -fit.result_fraction);
}

/// Beyond 2^16 points errors are sampled, which is no proof; here every point is tried.
TEST(FormulaFit, TheErrorOfASampledGridHoldsAtEveryPoint) {
  struct Case {
    const char* function;
    double low, high;
  };
  constexpr int64_t kPoints = (1 << 18) + 12345;
  for (const Case& c :
       {Case{"sin", -3.2, 3.2}, {"cos", 0, 6.3},          {"tan", -1.5, 1.5}, {"asin", -1, 1},    {"acos", -1, 1},
        {"atan", -9, 9},        {"sinh", -4, 4},          {"cosh", -4, 4},    {"tanh", -9, 9},    {"asinh", -50, 50},
        {"acosh", 1, 9},        {"atanh", -0.999, 0.999}, {"erf", -5, 5},     {"erfc", -5, 5},    {"exp", -9, 3},
        {"exp2", -9, 3},        {"expm1", -9, 3},         {"log", 0.001, 8},  {"log2", 0.001, 8}, {"log10", 0.001, 8},
        {"log1p", -0.99, 8},    {"sqrt", 0, 8},           {"cbrt", -8, 8},    {"inv", 0.05, 8},   {"sigmoid", -12, 12},
        {"softplus", -12, 12}}) {
    const int fraction = static_cast<int>(std::floor(std::log2(kPoints / (c.high - c.low))));
    const auto size = static_cast<int64_t>(std::ldexp(c.high - c.low, fraction));
    ASSERT_GT(size, 1 << 16) << "to be sampled";
    const ArgumentGrid grid = {c.low, fraction, size, c.low, c.high};
    const SmoothFunction f = function(c.function);
    for (const double tolerance : {0.05, 0.003, 1e-5}) {
      SCOPED_TRACE(absl::StrCat(c.function, " to ", tolerance));
      FunctionFits fits;
      const auto fit = fits.fit(f, grid, tolerance);
      ASSERT_TRUE(fit.ok()) << fit.status();
      double largest = 0;
      for (int64_t i = 0; i < size; ++i) {
        const double exact = f(std::clamp(c.low + std::ldexp(static_cast<double>(i), -fraction), c.low, c.high));
        largest = std::max(largest, std::abs(computed(**fit, i) - exact));
      }
      EXPECT_LE(largest, (*fit)->error);
      EXPECT_LE((*fit)->error, tolerance);
      EXPECT_GE(largest, tolerance / 64) << "what is compared does not measure anything";
    }
  }
}

/// A degree that is not tried would not have been cheaper: what is chosen is what trying all of them gave.
TEST(FormulaFit, TakesTheCheapestDegree) {
  struct Case {
    const char* function;
    double tolerance;
    int degree;
  };
  for (const Case& c : {Case{"tanh", 0.1, 0}, {"tanh", 1e-3, 1}, {"tanh", 1e-5, 2}, {"tanh", 1e-8, 3}}) {
    FunctionFits fits;
    const auto fit = fits.fit(function(c.function), up_to_two(24), c.tolerance);
    ASSERT_TRUE(fit.ok()) << fit.status();
    EXPECT_EQ((*fit)->degree, c.degree) << c.function << " to " << c.tolerance;
    EXPECT_LE((*fit)->error, c.tolerance);
  }
}

}  // namespace
}  // namespace strobe::testing
