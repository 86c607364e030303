/// Published formulas on published jets: accuracy and error against float64, and hls4ml's own answers, bit by bit.

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "host/io/files.h"
#include "kernels/import/float_model.h"
#include "tests/kernels/formula/ways.h"
#include "tests/shared_data.h"

namespace strobe::testing {
namespace {

using model::FixedType;

std::vector<double> numbers(const std::string& path) {
  auto array = io::read_npy(shared_data() + path);
  EXPECT_TRUE(array.ok()) << array.status();
  return array.ok() ? array->numbers() : std::vector<double>{};
}

std::vector<double> expected(const std::string& name, const char* key) {
  auto arrays = io::read_npz(shared_data() + "/models/symbolic/expected/" + name + ".npz");
  EXPECT_TRUE(arrays.ok()) << arrays.status();
  for (const auto& [array, values] : *arrays) {
    if (array == key) return values.numbers();
  }
  ADD_FAILURE() << name << " has no " << key;
  return {};
}

import::FloatModel formula_model(const std::string& name, const std::string& choice = ""){
    auto model = import::import_model(shared_data() + "/models/symbolic/" + name, {"", choice, "x[16]"});
EXPECT_TRUE(model.ok()) << model.status();
return *model;
}  // namespace

/// The jets' features, whose raw values are 1/1024, as raw values of another type.
std::vector<int64_t> jets(const FixedType& type) {
  std::vector<int64_t> raw;
  for (const double v : numbers("/jets/features_fixed16_6.npy")) raw.push_back(model::cast(v / 1024, type));
  return raw;
}

double accuracy(const std::vector<double>& scores, size_t classes) {
  const std::vector<double> labels = numbers("/jets/labels.npy");
  const size_t rows = scores.size() / classes, width = labels.size() / rows;
  size_t right = 0;
  for (size_t r = 0; r < rows; ++r) {
    const auto best = [&](const std::vector<double>& values, size_t n) {
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(r * n);
      return std::max_element(first, first + static_cast<std::ptrdiff_t>(n)) - first;
    };
    right += best(scores, classes) == (width == 1 ? static_cast<std::ptrdiff_t>(labels[r]) : best(labels, width));
  }
  return static_cast<double>(right) / static_cast<double>(rows);
}

std::vector<double> scores_of(const model::Graph& graph, const std::vector<int64_t>& inputs, size_t rows) {
  std::vector<double> scores;
  for (const int64_t raw : outputs_of(graph, inputs, rows))
    scores.push_back(model::to_double(raw, graph.output(0).type.types[0]));
  return scores;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

TEST(FormulaGolden, FiveJetExpressionsKeepTheirAccuracyAndTheBound) {
  NEED_SHARED_DATA();
  const FixedType input = FixedType::fixed(16, 6);
  auto result = quantise::quantise(formula_model("jets_expressions.txt"), {"", "", input});
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<double> scores = scores_of(result->graph, jets(input), 1024);
  const std::vector<double> reference = expected("jets_expressions__float64", "score");
  const double difference = largest_difference(scores, reference);
  std::printf("five jet expressions: accuracy %.2f %%, largest difference to float64 %.3g, bound %.3g\n",
              100 * accuracy(scores, 5), difference, bound_of(result->graph));
  EXPECT_LE(difference, bound_of(result->graph) * 1.001);
  EXPECT_LE(bound_of(result->graph), 0x1p-10);
  EXPECT_NEAR(accuracy(scores, 5), 0.716796875, 1e-9);
}

/// Rows of the hall of fame that round or compare computed values: an event next to a jump may take the other side.
TEST(FormulaGolden, EveryOperatorOfAHallOfFameStaysWithinTheBound) {
  NEED_SHARED_DATA();
  const FixedType input = FixedType::fixed(16, 6);
  const std::vector<double> reference = expected("own_expressions__float64", "value");
  for (int row = 1; row <= 12; ++row) {
    auto result =
        quantise::quantise(formula_model("own_expressions.csv", "number=" + std::to_string(row)), {"", "", input});
    ASSERT_TRUE(result.ok()) << "row " << row << ": " << result.status();
    const std::vector<double> values = scores_of(result->graph, jets(input), 1024);
    ASSERT_EQ(values.size(), 1024U);
    double largest = 0;
    int jumped = 0;
    for (size_t r = 0; r < values.size(); ++r) {
      const double difference = std::abs(values[r] - reference[r * 12 + static_cast<size_t>(row) - 1]);
      if (row == 11 && difference > 0.5) {
        ++jumped;
      } else {
        largest = std::max(largest, difference);
      }
    }
    std::printf("row %2d: largest difference %.3g, bound %.3g, %d of 1024 on the other side of a jump\n", row, largest,
                bound_of(result->graph), jumped);
    EXPECT_LE(largest, bound_of(result->graph) * 1.001) << "row " << row;
    EXPECT_LE(jumped, 2) << "row " << row;
  }
}

class Hls4ml : public ::testing::TestWithParam<const char*> {};

TEST_P(Hls4ml, AnswersTheSameBits) {
  NEED_SHARED_DATA();
  const std::string name = std::string("jets_expressions__hls4ml_lut_") + GetParam();
  std::istringstream spelling(GetParam());  // 16_6_n1024_r8
  int width = 0, integer = 0, size = 0, reach = 0;
  char c = 0;
  spelling >> width >> c >> integer >> c >> c >> size >> c >> c >> reach;
  std::ostringstream config;
  config << "Formula: {Compatibility: hls4ml, Precision: 'ap_fixed<" << width << "," << integer
         << ">', Tables: {Size: " << size << ", From: " << -reach << ", To: " << reach << "}}";
  const FixedType input = FixedType::fixed(width, integer);
  auto result = quantise::quantise(formula_model("jets_expressions.txt"), {config.str(), "config.yml", input});
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<double> scores = scores_of(result->graph, jets(input), 1024);
  const std::vector<double> answers = expected(name, "score");
  ASSERT_EQ(scores.size(), answers.size());
  size_t different = 0;
  for (size_t i = 0; i < scores.size(); ++i) different += scores[i] != answers[i];
  EXPECT_EQ(different, 0U) << "of " << scores.size();
  const YAML::Node yml = YAML::LoadFile(shared_data() + "/models/symbolic/expected/" + name + ".yml");
  EXPECT_NEAR(accuracy(scores, 5), yml["accuracy_by_argmax"].as<double>(), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Tables, Hls4ml,
                         ::testing::Values("12_6_n512_r8", "16_6_n1024_r8", "16_6_n256_r4", "18_8_n2048_r8",
                                           "24_8_n4096_r16"));

}  // namespace strobe::testing
}  // namespace strobe::testing
