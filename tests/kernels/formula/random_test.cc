/// Random formulas: reference, emulator and the generated HLS agree in every bit, and the stated bound holds.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/kernels/formula/ways.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe::testing {
namespace {

/// Expressions over x0, x1, x2 whose values and slopes stay moderate, so that any error can be asked for.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  std::string expression(int depth) {
    if (depth == 0) return leaf();
    const auto a = [&] { return expression(depth - 1); };
    switch (random_() % 18) {
      case 0:
      case 1:
        return absl::StrCat("(", a(), " + ", a(), ")");
      case 2:
        return absl::StrCat("(", a(), " - ", a(), ")");
      case 3:
      case 4:
        return absl::StrCat("(", bounded(a()), " * ", bounded(a()), ")");
      case 5:
        return absl::StrCat(pick({"sin", "cos", "tanh", "atan", "erf", "sigmoid", "softplus"}), "(", a(), ")");
      case 6:
        return absl::StrCat("exp(-abs(", a(), "))");
      case 7:
        return absl::StrCat("log(abs(", a(), ") + 0.5)");
      case 8:
        return absl::StrCat(pick({"min", "max"}), "(", a(), ", ", a(), ")");
      case 9:
        return absl::StrCat("inv(square(", bounded(a()), ") + 1.25)");
      case 10:
        return absl::StrCat("sqrt(abs(", a(), ") + 0.75)");
      case 11:
        return absl::StrCat("cond(", variable(), " - ", constant(), ", ", a(), ")");
      case 12:
        return absl::StrCat("(", variable(), " > ", variable(), " ? ", a(), " : ", a(), ")");
      case 13:
        return absl::StrCat("-", "(", a(), ")");
      case 14:
        return absl::StrCat("clamp(", a(), ", -", constant(), ", ", constant(), ")");
      case 15:
        return absl::StrCat(pick({"tanh", "erf", "sigmoid", "atan", "sin"}), "((", a(), ")^", 2 + random_() % 3, " * ",
                            constant(), " - ", a(), ")");
      case 16:
        return absl::StrCat("exp(-square(", a(), ") - ", constant(), " * abs(", a(), "))");
      default:
        return absl::StrCat("(", constant(), " * ", a(), " + floor(", variable(), ") * 0.25)");
    }
  }

 private:
  std::string pick(std::initializer_list<const char*> names) { return *(names.begin() + random_() % names.size()); }
  std::string bounded(const std::string& text) { return absl::StrCat("clamp(", text, ", -3, 3)"); }
  std::string variable() { return absl::StrCat("x", random_() % 3); }
  std::string constant() { return absl::StrCat(static_cast<double>(random_() % 4000) / 1357); }
  std::string leaf() { return random_() % 4 == 0 ? constant() : variable(); }

  std::mt19937_64 random_;
};

uint64_t seed() {
  const char* given = std::getenv("STROBE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20261121;
}

TEST(RandomFormulas, AgreeInEveryWayAndHoldTheirBound) {
  const uint64_t first = seed();
  std::printf("seed %llu\n", static_cast<unsigned long long>(first));
  std::mt19937_64 random(first);
  std::vector<model::Graph> graphs;
  for (int i = 0; i < 100; ++i) {
    Generator generator(random());
    std::string text;
    const uint64_t outputs = 1 + random() % 2;
    for (uint64_t o = 0; o < outputs; ++o)
      absl::StrAppend(&text, generator.expression(2 + static_cast<int>(random() % 2)), " + 0 * x2\n");
    const int width = 8 + static_cast<int>(random() % 9);
    const model::FixedType input = {random() % 4 != 0, width, 3 + static_cast<int>(random() % 3)};
    const std::string config = absl::StrCat("Formula: {OutputError: ", random() % 2 == 0 ? 0.01 : 0.0005, "}");
    SCOPED_TRACE(absl::StrCat("formula ", i, ", ", input.to_string(), ", ", config, ":\n", text));
    auto formula = formula::parse(text);
    ASSERT_TRUE(formula.ok()) << formula.status();
    auto result = quantised(text, input, config);
    ASSERT_TRUE(result.ok()) << result.status();
    const std::vector<int64_t> inputs = random_inputs(result->graph, 2000, random());
    EXPECT_LE(largest_error(result->graph, *formula, inputs, 2000), bound_of(result->graph) * 1.001 + 1e-12);
    model::GraphBuilder named(result->graph);
    named.set_name(absl::StrCat("formula_", i));
    graphs.push_back(*std::move(named).build());
  }
  for (size_t start = 0; start < graphs.size(); start += 25) {
    const std::vector<model::Graph> part(graphs.begin() + static_cast<std::ptrdiff_t>(start),
                                         graphs.begin() + static_cast<std::ptrdiff_t>(start) + 25);
    expect_hls_equals_reference(part, {300}, random());
  }
}

}  // namespace
}  // namespace strobe::testing
