/// Formulas as physicists write them, over the types their quantities come in: each is computed to within the default
/// error, in every way of running it, and takes no longer than a compiler may.

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "tests/kernels/formula/ways.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe::testing {
namespace {

using ::testing::TestWithParam;
using ::testing::Values;

/// Transverse momenta, masses and energies in GeV; pseudorapidities; angles, each with its type.
std::string types_of(const formula::Formula& formula) {
  std::string types;
  for (const std::string& name : formula.inputs) {
    const bool angle = name.find("phi") != std::string::npos || name.find("eta") != std::string::npos;
    absl::StrAppend(&types, types.empty() ? "" : ", ", name, ": '", angle ? "ap_fixed<14,4>" : "ap_ufixed<14,12>", "'");
  }
  return absl::StrCat("Formula: {InputPrecision: {", types, "}}");
}

struct Case {
  const char* name;
  const char* text;
  const char* type;  ///< of all inputs; "": each has its own (types_of)
  int most_bits;     ///< of a score
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name << " " << c.type; }

constexpr const char* kTransverseMass = "input pt, met, dphi\nsqrt(2*pt*met*(1-cos(dphi)))";
constexpr const char* kMass =
    "input pt1, pt2, eta1, eta2, phi1, phi2\nsqrt(2*pt1*pt2*(cosh(eta1-eta2)-cos(phi1-phi2)))";
constexpr const char* kDeltaR =
    "input eta1, eta2, phi1, phi2\nsqrt((eta1-eta2)^2 + atan2(sin(phi1-phi2), cos(phi1-phi2))^2)";
constexpr const char* kFolded =
    "input eta1, eta2, phi1, phi2\nd = abs(phi1-phi2)\nhypot(eta1-eta2, min(d, abs(2*pi-d)))";

class Physics : public TestWithParam<Case> {};

TEST_P(Physics, HoldsTheDefaultError) {
  const Case& c = GetParam();
  auto formula = formula::parse(c.text);
  ASSERT_TRUE(formula.ok()) << formula.status();
  const bool own = std::string(c.type).empty();
  std::optional<model::FixedType> type;
  if (!own) type = *model::FixedType::parse(c.type);
  const auto start = std::chrono::steady_clock::now();
  auto result = quantised(c.text, type, own ? types_of(*formula) : "");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(result.ok()) << result.status();
  const size_t rows = 20'000;
  const std::vector<int64_t> inputs = random_inputs(result->graph, rows, 7);
  const double error = largest_error(result->graph, *formula, inputs, rows);
  const model::TensorType& y = result->graph.output(0).type;
  std::printf("%s: %s, bound %.3g, largest error %.3g, %.2f s\n", c.name, y.to_string().c_str(),
              bound_of(result->graph), error, seconds);
  EXPECT_LE(error, bound_of(result->graph) * 1.001);
  EXPECT_LE(bound_of(result->graph), 0x1p-10);
  EXPECT_LE(y.max_width(), c.most_bits);
}

INSTANTIATE_TEST_SUITE_P(
    Formulas, Physics,
    Values(Case{"transverse mass", kTransverseMass, "", 26},
           Case{"transverse mass", kTransverseMass, "ap_fixed<14,10>", 24},
           Case{"transverse mass", kTransverseMass, "ap_fixed<16,10>", 24},
           Case{"transverse mass", kTransverseMass, "ap_ufixed<14,12>", 26},
           Case{"transverse mass", kTransverseMass, "ap_fixed<14,4>", 18}, Case{"mass of a pair", kMass, "", 38},
           Case{"mass of a pair", kMass, "ap_fixed<14,4>", 29}, Case{"delta R", kDeltaR, "", 18},
           Case{"delta R", kDeltaR, "ap_fixed<16,10>", 24}, Case{"delta R", kDeltaR, "ap_ufixed<14,12>", 26},
           Case{"folded delta R", kFolded, "ap_ufixed<14,12>", 26}, Case{"folded delta R", kFolded, "", 18}));

INSTANTIATE_TEST_SUITE_P(
    More, Physics,
    Values(Case{"components", "input pt, phi\noutput px = pt*cos(phi)\noutput py = pt*sin(phi)", "", 26},
           Case{"longitudinal momentum", "input pt, eta\npt*sinh(eta)", "", 38},
           Case{"energy", "input pt, eta, m\nsqrt(pt^2*cosh(eta)^2 + m^2)", "", 38},
           Case{"significance", "input met, ht\nmet/sqrt(max(ht, 1))", "ap_ufixed<14,12>", 25},
           Case{"asymmetry", "input a, b, c\n(a-b)/max(a+b+c, 1)", "ap_ufixed<14,12>", 25},
           Case{"logarithm", "input pt\nlog(pt)", "ap_ufixed<14,12>", 15},
           Case{"peak", "input m\nexp(-0.5*((m-91.19)/2.5)^2)", "ap_ufixed<14,12>", 13},
           Case{"direction", "input px, py\natan2(py, px)", "ap_fixed<16,10>", 16},
           Case{"direction", "input px, py\natan2(py, px)", "ap_fixed<14,4>", 16},
           Case{"wrapped", "input dphi\ndphi - 2*pi*round(dphi/(2*pi))", "ap_fixed<16,10>", 16},
           Case{"four-vectors", "input e, px, py, pz\nsqrt(max(e^2-px^2-py^2-pz^2, 0))", "ap_fixed<16,10>", 24},
           Case{"pseudorapidity", "input pt, pz\nasinh(pz/max(pt, 1))", "ap_fixed<16,10>", 17},
           Case{"piecewise",
                "input pt, eta\nPiecewise((0.98*pt, abs(eta) < 1.5), (1.04*pt + 0.5, abs(eta) < 2.4), (0, True))", "",
                26},
           Case{"saturation", "input x\ntanh(x)", "ap_fixed<16,10>", 13}));

/// Where the root of a wide argument is steep: that all events come out as the reference says, saturations too, is
/// `outputs_of`'s to see.
TEST(WideRoot, NegativeArgumentsAreZeroAndCounted) {
  auto result = quantised("input a, b, c\nsqrt(a*b + 0.1*c)", model::FixedType::fixed(16, 10));
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<int64_t> inputs = {-64, 64, 0, 64, 64, 0, 0, 0, 1, 0, 0, -1, 32767, 32767, 32767};
  model::OverflowCount overflow;
  const std::vector<int64_t> y = outputs_of(result->graph, inputs, 5, &overflow);
  EXPECT_EQ(y[0], 0);
  EXPECT_NEAR(model::to_double(y[1], result->graph.output(0).type.types[0]), 1, 0x1p-10);
  EXPECT_NEAR(model::to_double(y[2], result->graph.output(0).type.types[0]), std::sqrt(0.1 / 64), 0x1p-10);
  EXPECT_EQ(y[3], 0);
  EXPECT_EQ(overflow.saturated, 2U);
}

TEST(PhysicsInHls, EqualsTheReference) {
  std::vector<model::Graph> graphs;
  for (const char* text : {kTransverseMass, kMass, kDeltaR, "input px, py\natan2(py, px)"}) {
    auto result = quantised(text, {}, types_of(*formula::parse(text)));
    ASSERT_TRUE(result.ok()) << result.status();
    model::GraphBuilder named(result->graph);
    named.set_name(absl::StrCat("formula_", graphs.size()));
    graphs.push_back(*std::move(named).build());
  }
  expect_hls_equals_reference(graphs, {300}, 5);
}

TEST(ByName, InputsOutputsAndErrorsHaveTheirOwn) {
  const std::string text = "input pt, eta\noutput pz = pt*sinh(eta)\noutput t = tanh(eta)\n";
  const std::string types = "Formula:\n  InputPrecision: {pt: 'ap_ufixed<14,12>', eta: 'ap_fixed<12,4>'}\n";
  auto result = quantised(text, {}, types + "  OutputError: {pz: 0.5}\n  OutputType: {t: 'ap_fixed<12,2,AP_RND>'}");
  ASSERT_TRUE(result.ok()) << result.status();
  const model::TensorType &x = result->graph.input(0).type, &y = result->graph.output(0).type;
  EXPECT_EQ(x.at(0).to_string(), "ap_ufixed<14,12>");
  EXPECT_EQ(x.at(1).to_string(), "ap_fixed<12,4>");
  EXPECT_LE(y.at(0).fraction(), 3);
  EXPECT_EQ(y.at(1).to_string(), "ap_fixed<12,2,AP_RND>");
  EXPECT_EQ(result->graph.provenance().at("error_bound").substr(0, 4), "pz: ");
  const std::vector<int64_t> inputs = random_inputs(result->graph, 2000, 3);
  EXPECT_LE(largest_error(result->graph, *formula::parse(text), inputs, 2000), 0.5);
}

TEST(ByName, UnknownNamesAreToldTheKnownOnes) {
  const std::string text = "input pt, x[2]\noutput a = pt + x0*x1\n";
  const auto message = [&](const std::string& yaml) {
    return std::string(quantised(text, {}, "Formula:\n" + yaml).status().message());
  };
  EXPECT_NE(message("  InputPrecision: {ptt: 'ap_fixed<8,4>'}")
                .find("config.yml:2: InputPrecision: the formula has no "
                      "input 'ptt'; its inputs: pt, x0, x1"),
            std::string::npos);
  EXPECT_NE(message("  OutputError: {b: 0.1}").find("the formula has no output 'b'; its outputs: a"),
            std::string::npos);
  EXPECT_NE(message("  OutputError: {a: -1}").find("OutputError.a: expected a positive number"), std::string::npos);
  EXPECT_NE(message("  InputPrecision: {x: 'ap_fixd<8,4>'}").find("InputPrecision.x: "), std::string::npos);
  EXPECT_EQ(message("  InputPrecision: {x: 'ap_fixed<8,4>'}"), "");
}

TEST(TooLarge, AsksForTypesOfTheInputs) {
  const auto result = quantised("input pt, eta\npt*sinh(eta)", model::FixedType::fixed(16, 10));
  EXPECT_NE(std::string(result.status().message())
                .find("sinh of -512 to 511.984: its values can exceed 2^100; narrower "
                      "types of the inputs it hangs on, eta (ap_fixed<16,10>)"),
            std::string::npos)
      << result.status();
}

}  // namespace
}  // namespace strobe::testing
