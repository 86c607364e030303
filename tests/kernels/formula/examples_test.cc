/// The examples of docs/formulas.md are what they say.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "tests/kernels/formula/ways.h"

namespace strobe::testing {
namespace {

using Numbers = std::vector<double>;

/// The text between "```formula name" (or another kind) and "```".
std::string example(const std::string& name, const std::string& kind = "formula") {
  std::ifstream file(STROBE_SOURCE_DIR "/docs/formulas.md");
  std::string line, text;
  bool inside = false;
  while (std::getline(file, line)) {
    if (inside && line == "```") return text;
    if (inside) absl::StrAppend(&text, line, "\n");
    inside |= line == absl::StrCat("```", kind, " ", name);
  }
  ADD_FAILURE() << "docs/formulas.md has no " << kind << " '" << name << "'";
  return text;
}

/// Compares with the plain definition, on random inputs, to within the stated bound; values within `jump` of a decision
/// may fall on either side. Returns the number of rows that did.
int compare(const std::string& name, const std::function<Numbers(const Numbers&)>& definition,
            const std::string& config = "") {
  auto result = quantised(example(name), model::FixedType::fixed(14, 5), config);
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return -1;
  const size_t rows = 4000;
  const std::vector<int64_t> raw = random_inputs(result->graph, rows, 11);
  const std::vector<int64_t> y = outputs_of(result->graph, raw, rows);
  const auto n_in = static_cast<size_t>(result->graph.input(0).type.elements()), n_out = y.size() / rows;
  int jumped = 0;
  for (size_t r = 0; r < rows; ++r) {
    Numbers x;
    for (size_t i = 0; i < n_in; ++i)
      x.push_back(model::to_double(raw[r * n_in + i], result->graph.input(0).type.at(static_cast<int64_t>(i))));
    const Numbers expected = definition(x);
    EXPECT_EQ(expected.size(), n_out);
    double worst = 0;
    for (size_t o = 0; o < n_out; ++o) {
      worst = std::max(
          worst, std::abs(model::to_double(y[r * n_out + o], result->graph.output(0).type.at(static_cast<int64_t>(o))) -
                          expected[o]));
    }
    if (worst > 0.5) {
      ++jumped;
    } else {
      EXPECT_LE(worst, bound_of(result->graph) * 1.001) << name << ", row " << r;
    }
  }
  return jumped;
}

TEST(FormulaExamples, SelectionDecidesExactly) {
  EXPECT_EQ(compare("selection",
                    [](const Numbers& x) -> Numbers {
                      const double eta = std::abs(x[1]);
                      const bool central = eta<1.44, forward = eta> 1.57 && eta < 2.4;
                      return {x[0] >= 22.5 && ((central && x[3] < 0.15) || (forward && x[3] < 0.1)) ? 1.0 : 0.0};
                    }),
            0);
}

TEST(FormulaExamples, CascadeFollowsItsTables) {
  const int jumped = compare("cascade", [](const Numbers& x) -> Numbers {
    const double regions[] = {3, 2, 1, 0, 0, 1, 2, 3}, scales[] = {1.05, 1.125, 1.25, 1.5},
                 thresholds[] = {8, 10, 14, 20};
    const int cell = static_cast<int>(std::clamp(std::floor((x[1] + 3) / 6 * 8), 0.0, 7.0));
    const int region = static_cast<int>(regions[cell]);
    const double energy = x[0] * scales[region];
    return {energy, energy > thresholds[region] ? 1.0 : 0.0};
  });
  EXPECT_LE(jumped, 4);
}

TEST(FormulaExamples, PairOfParticles) {
  EXPECT_EQ(compare(
                "pair",
                [](const Numbers& x) -> Numbers {
                  const double deta = x[2] - x[3], dphi = x[4] - x[5];
                  return {std::sqrt(2 * x[0] * x[1] * (std::cosh(deta) - std::cos(dphi))),
                          std::hypot(deta, std::remainder(dphi, 2 * std::numbers::pi)),
                          x[0] * std::sinh(x[2]) + x[1] * std::sinh(x[3])};
                },
                example("pair", "yaml")),
            0);
}

TEST(FormulaExamples, LinearAndLogisticModels) {
  EXPECT_EQ(compare("linear",
                    [](const Numbers& x) -> Numbers {
                      return {0.25 * x[0] - 1.5 * x[1] + 0.75 * x[2] + 0.1 * x[3] + 0.35,
                              1 / (1 + std::exp(-(0.8 * x[0] - 0.3 * x[1] + 0.45 * x[2] - 0.2)))};
                    }),
            0);
}

TEST(FormulaExamples, KMeansFindsTheNearestCentre) {
  EXPECT_EQ(compare("kmeans",
                    [](const Numbers& x) -> Numbers {
                      const double centres[3][2] = {{1.25, 0.5}, {-2, 1.75}, {0.5, -1.5}};
                      double best = 1e9, cluster = 0;
                      for (int c = 0; c < 3; ++c) {
                        const double d = std::hypot(x[0] - centres[c][0], x[1] - centres[c][1]);
                        if (d < best - 1e-9) cluster = c;
                        best = std::min(best, d);
                      }
                      return {cluster, best};
                    }),
            0);
}

TEST(FormulaExamples, MahalanobisDistance) {
  const int jumped = compare("mahalanobis", [](const Numbers& x) -> Numbers {
    const double d[] = {x[0] - 0.5, x[1] + 0.25, x[2] - 1.5};
    const double inverse[3][3] = {{1.5, 0.4, -0.2}, {0.4, 0.9, 0.1}, {-0.2, 0.1, 2.1}};
    double squared = 0;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) squared += d[i] * inverse[i][j] * d[j];
    return {std::sqrt(squared), squared > 9 ? 1.0 : 0.0};
  });
  EXPECT_LE(jumped, 4);
}

}  // namespace
}  // namespace strobe::testing
