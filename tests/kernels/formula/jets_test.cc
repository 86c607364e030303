/// Formulas that symbolic regression found: each row of each hall of fame in tests/data/jets compiles with the default
/// error, whatever powers of inputs it feeds to a tanh, and keeps that error and its accuracy.

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "host/io/files.h"
#include "kernels/import/float_model.h"
#include "tests/kernels/formula/ways.h"

namespace strobe::testing {
namespace {

constexpr size_t kJets = 4000;
constexpr size_t kClasses = 5;
constexpr const char* kData = STROBE_SOURCE_DIR "/tests/data/jets/";

std::vector<double> numbers(const std::string& name) {
  auto array = io::read_npy(kData + name);
  EXPECT_TRUE(array.ok()) << array.status();
  return array.ok() ? array->numbers() : std::vector<double>{};
}

std::vector<int64_t> jets() {
  std::vector<int64_t> raw;
  for (const double v : numbers("features.npy")) raw.push_back(static_cast<int64_t>(v));
  return raw;
}

import::FloatModel formulas(const std::string& name, const std::string& choice){
    auto model = import::import_model(kData + name, {"", choice, "x[16]"});
EXPECT_TRUE(model.ok()) << model.status();
return *std::move(model);
}  // namespace

const formula::Formula& formula_of(const import::FloatModel& model) {
  const auto layer = std::find_if(model.layers.begin(), model.layers.end(),
                                  [](const import::FloatLayer& l) { return l.formula != nullptr; });
  return *layer->formula;
}

/// The part of jets whose largest score is their label's.
double accuracy(const std::vector<double>& scores) {
  const std::vector<double> labels = numbers("labels.npy");
  size_t right = 0;
  for (size_t r = 0; r < kJets; ++r) {
    const auto first = scores.begin() + static_cast<std::ptrdiff_t>(r * kClasses);
    right += static_cast<double>(std::max_element(first, first + kClasses) - first) == labels[r];
  }
  return static_cast<double>(right) / kJets;
}

/// Both on jets, whose tanh are curved, and on any inputs, where most are flat.
void expect_error_holds(const quantise::Quantised& result, const formula::Formula& formula) {
  EXPECT_LE(bound_of(result.graph), 0x1p-10);
  EXPECT_LE(largest_error(result.graph, formula, jets(), kJets), bound_of(result.graph));
  EXPECT_LE(largest_error(result.graph, formula, random_inputs(result.graph, 2000, 7), 2000), bound_of(result.graph));
}

TEST(FormulaJets, FiveFormulasKeepTheirAccuracyAndTheBound) {
  const import::FloatModel model = formulas("jets_formulas.txt", "");
  auto result = quantise::quantise(model, {"", "", model::FixedType::fixed(16, 6)});
  ASSERT_TRUE(result.ok()) << result.status();
  expect_error_holds(*result, formula_of(model));
  model::OverflowCount overflow;
  std::vector<double> scores;
  for (const int64_t raw : outputs_of(result->graph, jets(), kJets, &overflow))
    scores.push_back(model::to_double(raw, result->graph.output(0).type.types[0]));
  EXPECT_EQ(overflow.saturated, 0) << "bringing an argument to where its function is flat is no fault";
  EXPECT_EQ(overflow.wrapped, 0);
  const double exact = accuracy(numbers("expected_formulas.npy"));
  EXPECT_NEAR(exact, 0.6332, 0.00005);
  EXPECT_NEAR(accuracy(scores), exact, 0.001);
}

class HallOfFame : public ::testing::TestWithParam<int> {};

TEST_P(HallOfFame, EachRowCompilesWithTheDefaultError) {
  const std::string name = absl::StrCat("formulas/hall_of_fame_output", GetParam(), ".csv");
  const import::FloatModel all = formulas(name, "all");
  const size_t rows = formula_of(all).outputs.size();
  ASSERT_GT(rows, 10U);
  for (size_t row = 1; row <= rows; ++row) {
    SCOPED_TRACE(absl::StrCat(name, ", row ", row));
    const import::FloatModel model = formulas(name, absl::StrCat("number=", row));
    auto result = quantise::quantise(model, {"", "", model::FixedType::fixed(16, 6)});
    ASSERT_TRUE(result.ok()) << result.status();
    expect_error_holds(*result, formula_of(model));
  }
}

INSTANTIATE_TEST_SUITE_P(Classes, HallOfFame, ::testing::Range(0, 5));

}  // namespace strobe::testing
}  // namespace strobe::testing
