/// What the language means, and what it refuses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "kernels/formula/formula.h"
#include "kernels/import/formula_file.h"

namespace strobe::formula {
namespace {

using ::testing::HasSubstr;

double value(const std::string& text, std::vector<double> x = {2, 3, -0.5}) {
  auto formula = parse(text, "x[3]");
  EXPECT_TRUE(formula.ok()) << text << ": " << formula.status();
  if (!formula.ok()) return NAN;
  double y = 0;
  evaluate(*formula, x, std::span(&y, 1));
  auto simple = simplify(*formula);
  EXPECT_TRUE(simple.ok()) << text << ": " << simple.status();
  double z = 0;
  if (simple.ok()) evaluate(*simple, x, std::span(&z, 1));
  EXPECT_NEAR(y, z, 1e-12 * std::max(1.0, std::abs(y))) << text << " simplified";
  return y;
}

std::string flaw(const std::string& text) {
  auto formula = parse(text);
  EXPECT_FALSE(formula.ok()) << text;
  return std::string(formula.status().message());
}

TEST(FormulaLanguage, InputsFromOutsideEndWhereTheirListEnds) {
  EXPECT_TRUE(parse("x0 + y", "x0, y").ok());
  for (const char* inputs : {"x0,x1 y", "x0,x1 = 3", "x0 +"}) EXPECT_FALSE(parse("x0", inputs).ok()) << inputs;
}

TEST(Formula, BindsPowersAsJuliaDoes) {
  EXPECT_EQ(value("-x0^2"), -4);
  EXPECT_EQ(value("2^-1"), 0.5);
  EXPECT_EQ(value("2^3^2"), 512);
  EXPECT_EQ(value("x0**2 * 3"), 12);
  EXPECT_EQ(value("1 - 2 - 3"), -4);
  EXPECT_EQ(value("12 / 2 / 3"), 2);
}

TEST(Formula, GoesOnInsideBracketsAndAfterACommaOnTheNextLine) {
  EXPECT_EQ(value("table t(0, 4) = 1, 2,  # two\n\n  5,\n  7\noutput y = (t(x0)\n + t(x1))"), 12);
  auto formula = parse("input a,\n  b[2]\na + b1");
  ASSERT_TRUE(formula.ok()) << formula.status();
  EXPECT_EQ(formula->inputs.size(), 3U);
  EXPECT_THAT(flaw("table t(0, 4) = 1,\noutput y = x0"), HasSubstr("line 2, column 1: expected a number"));
}

TEST(Formula, KnowsPySRsAndSymPysFunctions) {
  EXPECT_EQ(value("square(x0) + cube(x1)"), 31);
  EXPECT_EQ(value("inv(x0) + neg(x1)"), -2.5);
  EXPECT_DOUBLE_EQ(value("cbrt(x0 * 4)"), 2);
  EXPECT_EQ(value("cond(x0, x1) + cond(x2, x1)"), 3);
  EXPECT_EQ(value("greater(x0, x1) + logical_or(x0, x2) + logical_and(x0, x2)"), 1);
  EXPECT_EQ(value("relu(x2) + relu(x1)"), 3);
  EXPECT_EQ(value("max(x0, x1, 7) - min(x0, x1, x2)"), 7.5);
  EXPECT_EQ(value("clamp(x1, -1, 1) + sign(x2)"), 0);
  EXPECT_EQ(value("round(2.5) + round(3.5) + floor(x2) + ceil(x2)"), 5);
  EXPECT_EQ(value("Piecewise((1, x0 > 5), (2, x0 > 1), (3, True))"), 2);
  EXPECT_EQ(value("x0 > 1 and not x2 > 0 ? 5 : 6"), 5);
  EXPECT_EQ(value("argmax(x0, x1, x2) + 10 * argmin(x0, x1, x2)"), 21);
  EXPECT_DOUBLE_EQ(value("atan2(x2, -x0)"), std::atan2(-0.5, -2));
  EXPECT_DOUBLE_EQ(value("log2(8) + log10(100) + log1p(0) + exp(0) + log(8, 2)"), 9);
  EXPECT_DOUBLE_EQ(value("pi + E"), std::numbers::pi + std::numbers::e);
  EXPECT_EQ(value("cast(x0 * 0.3, ap_fixed<8,4>)"), 0.5625);
  EXPECT_EQ(value("table(x0, 0, 4, 10, 20, 30, 40) + table(x1 + 10, 0, 4, 1, 2)"), 32);
  EXPECT_DOUBLE_EQ(value("x0 ^ x1 + 2 ^ x2 + x0 ^ 1.5 + x1 ^ -2"), 8 + std::pow(2, -0.5) + std::pow(2, 1.5) + 1.0 / 9);
}

TEST(Formula, HasNamesTablesTypesAndSeveralOutputs) {
  auto formula = parse(R"(input pt, eta, x[2]   # four inputs
table gain(0, 2) = 0.5, 0.25
inside = abs(eta) < 1
scaled : ap_fixed<12,6> = pt * 0.5
output passes = inside & scaled > 1
output y = gain(x1) + x[0])");
  ASSERT_TRUE(formula.ok()) << formula.status();
  EXPECT_EQ(formula->inputs, (std::vector<std::string>{"pt", "eta", "x0", "x1"}));
  std::vector<double> y(2);
  evaluate(*formula, std::vector<double>{3, -0.5, 4, 1.5}, y);
  EXPECT_THAT(y, ::testing::ElementsAre(1, 4.25));
}

TEST(Formula, SharesEqualSubexpressions) {
  auto formula = parse("sin(x0 + x1) * 2\nsin(x1 + x0) + 3\n");
  ASSERT_TRUE(formula.ok()) << formula.status();
  EXPECT_EQ(
      std::count_if(formula->terms.begin(), formula->terms.end(), [](const Term& t) { return t.op == Op::kFunction; }),
      1);
}

TEST(Formula, NamesTheColumnOfWhatIsWrong) {
  EXPECT_THAT(flaw("x0 + (x1"), HasSubstr("line 1, column 6: bracket '(' is never closed"));
  EXPECT_THAT(flaw("x0 + x1)"), HasSubstr("line 1, column 8: ')' closes nothing"));
  EXPECT_THAT(flaw("x0\nfoo(x1)"), HasSubstr("line 2, column 1: no function is called 'foo'"));
  EXPECT_THAT(flaw("x0 + y"), HasSubstr("line 1, column 6: 'y' is neither an input nor defined above"));
  EXPECT_THAT(flaw("x0 $ 3"), HasSubstr("line 1, column 4: a formula has no sign '$'"));
  EXPECT_THAT(flaw("sin(x0, x1)"), HasSubstr("'sin' takes 1 argument, found 2"));
  EXPECT_THAT(flaw("x0 +"), HasSubstr("found the end of the line"));
  EXPECT_THAT(flaw("x0 x1"), HasSubstr("expected an operator"));
  EXPECT_THAT(flaw(""), HasSubstr("no expression found"));
  EXPECT_THAT(flaw("a = x0"), HasSubstr("no output"));
  EXPECT_THAT(flaw("cast(x0, ap_fixed<99,6>)"), HasSubstr("line 1, column 10"));
  EXPECT_THAT(flaw("1e999 * x0"), HasSubstr("too large"));
  EXPECT_THAT(flaw("input a\ninput a\na"), HasSubstr("declared twice"));
  EXPECT_THAT(flaw("input x[4]\nx[4]"), HasSubstr("'x' has 4 elements"));
}

TEST(Formula, SkipsAByteOrderMark) {
  const auto formula = parse("\xef\xbb\xbfx0 + 1", "x[2]");
  ASSERT_TRUE(formula.ok()) << formula.status();
  EXPECT_TRUE(parse(formula->text).ok()) << "the text that it keeps";
  EXPECT_THAT(flaw("\xef\xbb\xbfx0 $ 3"), HasSubstr("line 1, column 4"));
}

TEST(Formula, ShowsSignsBeyondAsciiAsTheyAre) {
  EXPECT_THAT(flaw("x0 \xc3\x97 2"), HasSubstr("line 1, column 4: a formula has no sign '\xc3\x97' (U+00D7)"));
  EXPECT_THAT(flaw("x0 \xe2\x88\x92 2"), HasSubstr("'\xe2\x88\x92' (U+2212)"));
  EXPECT_THAT(flaw("x0 \xf0\x9f\x98\x80"), HasSubstr("(U+1F600)"));
  for (const char* text : {"x0 \xff", "x0 \xe2\x88", "x0 \xc3(", "x0 \x80"})
    EXPECT_THAT(flaw(text), HasSubstr("column 4: a formula has no sign byte 0x")) << text;
  EXPECT_THAT(flaw("\xcf\x80 * \xcf\x80 $"), HasSubstr("line 1, column 7")) << "a letter of two bytes is one column";
}

TEST(Formula, EndsWithAnErrorHoweverDeepTheNesting) {
  EXPECT_THAT(flaw(std::string(10'000'000, '(')), HasSubstr("brackets inside one another"));
  EXPECT_THAT(flaw(std::string(1'000'000, '-') + "x0"), HasSubstr("nested too deeply"));
  std::string powers = "x0";
  for (int i = 0; i < 100'000; ++i) powers += "^x0";
  EXPECT_THAT(flaw(powers), HasSubstr("nested too deeply"));
  std::string choices;
  for (int i = 0; i < 100'000; ++i) choices += "x0 ? 1 : ";
  EXPECT_THAT(flaw(choices + "1"), HasSubstr("nested too deeply"));
  std::string nots;
  for (int i = 0; i < 100'000; ++i) nots += "! ";
  EXPECT_THAT(flaw(nots + "x0"), HasSubstr("nested too deeply"));
}

TEST(Formula, LongSumsAreNoDepth) {
  std::string sum = "x0";
  for (int i = 0; i < 50'000; ++i) absl::StrAppend(&sum, " + ", i);
  EXPECT_EQ(value(sum), 2 + 49'999.0 * 25'000);
}

TEST(Formula, RefusesConstantsWithoutAValue) {
  auto formula = parse("x0 + log(0)");
  ASSERT_TRUE(formula.ok());
  EXPECT_THAT(std::string(simplify(*formula).status().message()), HasSubstr("column 6"));
  formula = parse("x0 / 0");
  ASSERT_TRUE(formula.ok());
  EXPECT_THAT(std::string(simplify(*formula).status().message()), HasSubstr("division by 0"));
}

constexpr char kHall[] =
    "Complexity,Loss,Equation\n1,1.0,\"x0\"\n3,0.5,\"x0 + 1.5\"\n5,0.1,\"max(x0, x1)\"\n9,0.09,\"x0 * x1\"\n";

TEST(HallOfFame, ChoosesAsAsked) {
  const auto chosen = [](const std::string& choice) {
    auto text = import::choose_from_hall_of_fame(kHall, choice);
    return text.ok() ? *text : std::string(text.status().message());
  };
  EXPECT_EQ(chosen(""), "max(x0, x1)\n");  // the steepest fall, within 1.5 of the smallest loss
  EXPECT_EQ(chosen("score"), "max(x0, x1)\n");
  EXPECT_EQ(chosen("loss"), "x0 * x1\n");
  EXPECT_EQ(chosen("complexity=3"), "x0 + 1.5\n");
  EXPECT_EQ(chosen("number=1"), "x0\n");
  EXPECT_EQ(chosen("all"), "x0\nx0 + 1.5\nmax(x0, x1)\nx0 * x1\n");
  EXPECT_THAT(chosen("complexity=4"), HasSubstr("no equation has complexity 4; there are: 1, 3, 5, 9"));
  EXPECT_EQ(chosen("max-complexity=4"), "x0 + 1.5\n");
  EXPECT_EQ(chosen("max-complexity=900"), "x0 * x1\n");
  EXPECT_THAT(chosen("max-complexity=0"), HasSubstr("no equation has complexity 0 or less"));
  EXPECT_THAT(chosen("number=9"), HasSubstr("rows are 1 to 4"));
  EXPECT_THAT(chosen("best"), HasSubstr("chooses no equation"));
}

TEST(HallOfFame, SkipsAByteOrderMark) {
  const std::string marked = "\xef\xbb\xbf" + std::string(kHall);
  EXPECT_TRUE(import::is_hall_of_fame(marked));
  EXPECT_EQ(import::choose_from_hall_of_fame(marked, "loss").value(),
            import::choose_from_hall_of_fame(kHall, "loss").value());
}

TEST(HallOfFame, RefusesDamage) {
  const auto flaw_of = [](const std::string& csv) {
    return std::string(import::choose_from_hall_of_fame(csv, "").status().message());
  };
  EXPECT_THAT(flaw_of("Complexity,Loss\n"), HasSubstr("expected the columns"));
  EXPECT_THAT(flaw_of("Complexity,Loss,Equation\n"), HasSubstr("found none"));
  EXPECT_THAT(flaw_of("Complexity,Loss,Equation\n1,2\n"), HasSubstr("line 2: expected 3 columns, found 2"));
  EXPECT_THAT(flaw_of("Complexity,Loss,Equation\n1,nan,x0\n"), HasSubstr("line 2"));
  EXPECT_THAT(flaw_of("Complexity,Loss,Equation\n1,2,\"x0\n"), HasSubstr("never closed"));
}

TEST(FormulaLanguage, OutputsKnowTheirExpressionInOneLine) {
  const auto formula = parse("input a, b\nscale = 2 * a  # GeV\noutput sum = (scale  # first\n   + b)  # all\na - b\n");
  ASSERT_TRUE(formula.ok()) << formula.status();
  EXPECT_EQ(formula->outputs[0].expression, "(scale + b)");
  EXPECT_EQ(formula->outputs[1].expression, "a - b");
}

TEST(FormulaLanguage, SineTimesCosineIsOneFunction) {
  for (const char* text :
       {"sin(x0)*cos(x0)", "0.3*x1*cos(x0)*sin(x0)", "-sin(x0 + x1)*cos(x0 + x1)", "2*cos(x0)*sin(x0)"}) {
    const auto formula = parse(text);
    ASSERT_TRUE(formula.ok()) << formula.status();
    const auto simple = simplify(*formula);
    ASSERT_TRUE(simple.ok()) << simple.status();
    EXPECT_EQ(std::count_if(simple->terms.begin(), simple->terms.end(),
                            [](const Term& term) { return term.op == Op::kFunction; }),
              1)
        << text;
    for (const double x : {-2.5, 0.0, 0.7, 11.0}) {
      const std::array<double, 2> inputs = {x, 0.25 - x};
      double expected = 0, found = 0;
      evaluate(*formula, std::span(inputs).first(formula->inputs.size()), {&expected, 1});
      evaluate(*simple, std::span(inputs).first(formula->inputs.size()), {&found, 1});
      EXPECT_NEAR(found, expected, 1e-14) << text;
    }
  }
}

TEST(FormulaLanguage, RootsOfSquaresAreNorms) {
  for (const char* text : {"sqrt(2*x0*x1*(1 - cos(x2)))", "sqrt(x0*(cosh(x1) - cos(x2)))", "sqrt(3*x0^2*x1)",
                           "sqrt((x0 - x1)^2 + 4*x2^2 + 2)", "sqrt(x0^6*(1 + cos(x1)))", "hypot(x0 + x1, x2)"}) {
    const auto formula = parse(text);
    ASSERT_TRUE(formula.ok()) << formula.status();
    const auto simple = simplify(*formula);
    ASSERT_TRUE(simple.ok()) << simple.status();
    EXPECT_GT(simple->terms.size(), 0U);
    EXPECT_TRUE(std::any_of(simple->terms.begin(), simple->terms.end(), [](const Term& term) {
      return term.op == Op::kNorm || term.op == Op::kAbs;
    })) << text;
    for (const double x : {0.0, 0.3, 2.5, 40.0}) {
      const std::array<double, 3> inputs = {x, 0.5 * x, 3 - 0.1 * x};
      double expected = 0, found = 0;
      evaluate(*formula, std::span(inputs).first(formula->inputs.size()), {&expected, 1});
      evaluate(*simple, std::span(inputs).first(formula->inputs.size()), {&found, 1});
      EXPECT_NEAR(found, expected, 1e-6 * (1 + std::abs(expected))) << text << " at " << x;
    }
  }
}

}  // namespace
}  // namespace strobe::formula
