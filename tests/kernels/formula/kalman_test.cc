/// The Kalman filter of tests/data/kalman: a formula of many steps, judged by the resolution that it keeps.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <regex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "host/io/files.h"
#include "kernels/layers/formula/program.h"
#include "tests/kernels/formula/ways.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe::testing {
namespace {

const std::string kData = STROBE_SOURCE_DIR "/tests/data/kalman/";
const std::string kPage = STROBE_SOURCE_DIR "/docs/kalman.md";
constexpr size_t kOutputs = 3;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(text.empty()) << path;
  return text;
}

std::vector<double> numbers_of(const std::string& name) {
  auto array = io::read_npy(kData + name);
  EXPECT_TRUE(array.ok()) << array.status();
  return array.ok() ? array->numbers() : std::vector<double>();
}

struct Muons {
  std::vector<double> inputs = numbers_of("muons.npy");  ///< raw ap_fixed<16,1>, rows of 8
  std::vector<double> truth = numbers_of("truth.npy");   ///< q/pT, direction
  std::vector<double> expected = numbers_of("expected_float.npy");
  size_t count() const { return truth.size() / 2; }
};

/// What fixed point makes of the root mean square of q/pT's error, as a ratio to float64's, for muons of pT in GeV.
double loss(const Muons& muons, const std::vector<double>& answers, size_t output, double low, double high) {
  double fixed = 0, floating = 0;
  size_t chosen = 0;
  for (size_t m = 0; m < muons.count(); ++m) {
    const double truth = muons.truth[2 * m], pt = 1 / std::abs(truth);
    if (pt < low || pt >= high) continue;
    ++chosen;
    fixed += std::pow(answers[m * kOutputs + output] - truth, 2);
    floating += std::pow(muons.expected[m * kOutputs + output] - truth, 2);
  }
  EXPECT_GT(chosen, 250U);
  return std::sqrt(fixed / floating);
}

/// The answers in fixed point, by reference and emulator, with inputs rounded to `input`.
std::vector<double> answers_of(const model::Graph& graph, const Muons& muons, const model::FixedType& input,
                               bool may_saturate) {
  std::vector<int64_t> raw;
  for (const double x : muons.inputs) raw.push_back(model::cast(std::ldexp(x, -15), input));
  model::OverflowCount overflow;
  std::vector<double> answers;
  for (const int64_t y : outputs_of(graph, raw, muons.count(), &overflow))
    answers.push_back(model::to_double(y, graph.output(0).type.types[0]));
  EXPECT_EQ(answers.size(), muons.count() * kOutputs);
  EXPECT_EQ(overflow.wrapped, 0U);
  EXPECT_TRUE(may_saturate || overflow.saturated == 0);
  return answers;
}

TEST(Kalman, FormulaIsTheFilterWrittenWithMatrices) {
  const Muons muons;
  auto formula = formula::parse(text_of(kData + "kalman.formula"));
  ASSERT_TRUE(formula.ok()) << formula.status();
  ASSERT_EQ(muons.count(), 4000U);
  std::vector<double> x(8), y(kOutputs);
  for (size_t m = 0; m < muons.count(); ++m) {
    for (size_t i = 0; i < 8; ++i) x[i] = std::ldexp(muons.inputs[m * 8 + i], -15);
    formula::evaluate(*formula, x, y);
    for (size_t o = 0; o < kOutputs; ++o) ASSERT_NEAR(y[o], muons.expected[m * kOutputs + o], 1e-12) << m << " " << o;
  }
}

TEST(Kalman, FiltersMeasureMomenta) {
  const Muons muons;
  double with_beam = 0, without = 0;
  size_t right_charge = 0;
  for (size_t m = 0; m < muons.count(); ++m) {
    const double truth = muons.truth[2 * m];
    with_beam += std::pow(muons.expected[m * kOutputs] / truth - 1, 2);
    without += std::pow(muons.expected[m * kOutputs + 1] / truth - 1, 2);
    right_charge += muons.expected[m * kOutputs] * truth > 0;
  }
  EXPECT_NEAR(std::sqrt(with_beam / 4000), 0.074, 0.001);
  EXPECT_NEAR(std::sqrt(without / 4000), 0.153, 0.001);
  EXPECT_EQ(right_charge, 4000U);
}

TEST(Kalman, FixedPointKeepsTheResolutionWithin2PerCent) {
  const Muons muons;
  const model::FixedType input = model::FixedType::fixed(16, 1);
  const std::string text = text_of(kData + "kalman.formula");
  auto result = quantised(text, input);
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<double> answers = answers_of(result->graph, muons, input, false);
  for (size_t output = 0; output < 2; ++output) {
    for (const auto& [low, high] : {std::pair(3, 5), {5, 10}, {10, 30}, {30, 101}, {3, 101}}) {
      const double ratio = loss(muons, answers, output, low, high);
      std::printf("output %zu, pT %d to %d GeV: %.4f of float64's resolution\n", output, low, high, ratio);
      EXPECT_LE(ratio, 1.02);
    }
  }
  const auto program = layers::formula::load(result->graph, result->graph.nodes()[0]);
  ASSERT_TRUE(program.ok()) << program.status();
  std::printf("%zu terms, %zu steps\n", formula::simplify(*formula::parse(text))->terms.size(), program->steps.size());
  expect_hls_equals_reference({result->graph}, {1, 1000}, 20261121);
}

/// The loss over all muons and above 30 GeV is the one that a row states, in per cent, but for chance.
void expect_loss(const Muons& muons, const std::string& text, const model::FixedType& input, const std::string& config,
                 const std::smatch& row, bool may_saturate) {
  auto result = quantised(text, input, config);
  ASSERT_TRUE(result.ok()) << row.str() << result.status();
  const std::vector<double> answers = answers_of(result->graph, muons, input, may_saturate);
  for (const auto& [column, low] : {std::pair(3, 3), {4, 30}}) {
    const double stated = std::stod(row[column]);
    EXPECT_NEAR(100 * (loss(muons, answers, 0, low, 101) - 1), stated, 0.5 + 0.1 * std::abs(stated)) << row.str();
  }
}

TEST(Kalman, LosesByInputsAndErrorWhatTheDocumentationSays) {
  const Muons muons;
  const std::string text = text_of(kData + "kalman.formula"), page = text_of(kPage);
  const std::regex row(R"(\n\| (\d+) \| 2\^-(\d+) \|[^\n|]*\| (-?[\d.]+) \| (-?[\d.]+) \|)");
  int rows = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), row), end; it != end; ++it, ++rows) {
    const model::FixedType input = {true, std::stoi((*it)[1]), 1, model::Rounding::kRnd, model::Overflow::kSat};
    const std::string config = absl::StrFormat("Formula: {OutputError: %.17g}", std::exp2(-std::stoi((*it)[2])));
    expect_loss(muons, text, input, config, *it, false);
  }
  EXPECT_EQ(rows, 9);
}

TEST(Kalman, LosesByItsStatesWidthWhatTheDocumentationSays) {
  const Muons muons;
  const std::string text = text_of(kData + "kalman_typed.formula"), page = text_of(kPage);
  const std::regex row(R"(\n\| (\d+) \| (\d+) \| (-?[\d.]+) \| (-?[\d.]+) \|)");
  int rows = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), row), end; it != end; ++it, ++rows) {
    const std::string typed =
        absl::StrReplaceAll(text, {{"ap_fixed<12,", absl::StrCat("ap_fixed<", (*it)[1].str(), ",")}});
    expect_loss(muons, typed, model::FixedType::fixed(16, 1), "", *it, true);
  }
  EXPECT_EQ(rows, 7);
}

}  // namespace
}  // namespace strobe::testing
