#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tests/kernels/quantise/golden.h"
#include "tests/kernels/quantise/overflow.h"

/// Single functions under strobe's own rules, on inputs made here.
namespace strobe {
namespace {

using model::FixedType;
using testing::Events;

import::FloatLayer layer(const std::string& kind, const std::string& name,
                         const std::string& input){import::FloatLayer l;
l.kind = l.class_name = kind;
l.name = name;
if (!input.empty()) l.inputs = {input};
l.outputs = {name};
return l;
}  // namespace

import::FloatModel one_layer(import::FloatLayer last, const std::vector<int64_t>& shape){import::FloatModel network;
network.name = "one";
network.framework = "keras3";
import::FloatLayer input = layer("Input", "x", "");
input.settings["shape"] = shape;
network.inputs = {{"x", shape}};
network.outputs = {{last.name, shape}};
network.layers = {std::move(input), std::move(last)};
return network;
}  // namespace strobe

import::FloatLayer function(const std::string& name){import::FloatLayer l = layer("Activation", "y", "x");
l.settings["activation"] = name;
return l;
}

struct Range {
  const char *function, *type;
  friend void PrintTo(const Range& range, std::ostream* out) { *out << range.function << " of " << range.type; }
};

class WholeRange : public ::testing::TestWithParam<Range> {};

/// Every value of the input's type, or 200000 of them: around zero one by one, then in even steps.
std::vector<double> sweep(const FixedType& type) {
  std::vector<double> values;
  const auto low = static_cast<int64_t>(type.min_raw()), high = static_cast<int64_t>(type.max_raw());
  const int64_t stride = std::max<int64_t>((high - low) / 150000, 1);
  for (int64_t raw = low; raw < high; raw += stride) values.push_back(model::to_double(raw, type));
  for (int64_t raw = std::max<int64_t>(low, -25000); raw <= std::min<int64_t>(high, 25000); ++raw)
    values.push_back(model::to_double(raw, type));
  values.push_back(model::to_double(high, type));
  return values;
}

TEST_P(WholeRange, IsWithinTheStatedBound) {
  const FixedType type = *FixedType::parse(GetParam().type);
  const bool is_softplus = GetParam().function == std::string("softplus");
  const std::vector<double> x = sweep(type);
  const auto network = one_layer(function(GetParam().function), {1});
  const auto run = testing::run_network(network, {"", "", type}, {Events{x, x.size()}});
  ASSERT_TRUE(run.ok()) << run.status();
  const std::vector<double> y = run->outputs();
  const double bound = std::ldexp(1.0, -8) + run->graph.output(0).type.types[0].step() / 2;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact =
        is_softplus ? std::max(x[i], 0.0) + std::log1p(std::exp(-std::abs(x[i]))) : x[i] / (1 + std::abs(x[i]));
    ASSERT_LE(std::abs(y[i] - exact), bound) << "at " << x[i] << ": " << y[i] << ", exact " << exact;
  }
  testing::expect_overflow_only_by_design(network, run->graph, run->evaluation, run->rows);
}

INSTANTIATE_TEST_SUITE_P(Functions, WholeRange,
                         ::testing::Values(Range{"softplus", "ap_fixed<16,6>"}, Range{"softplus", "ap_fixed<24,14>"},
                                           Range{"softplus", "ap_fixed<12,1>"}, Range{"softplus", "ap_ufixed<16,10>"},
                                           Range{"softplus", "ap_fixed<1,1>"}, Range{"softplus", "ap_fixed<40,24>"},
                                           Range{"softsign", "ap_fixed<16,6>"}, Range{"softsign", "ap_fixed<24,14>"},
                                           Range{"softsign", "ap_fixed<14,4>"}, Range{"softsign", "ap_fixed<12,1>"},
                                           Range{"softsign", "ap_ufixed<16,10>"},
                                           Range{"softsign", "ap_fixed<40,24>"}));

struct Slopes {
  std::vector<int64_t> shape, alpha;
};

class PRelu : public ::testing::TestWithParam<Slopes> {};

/// Keras: alpha has the input's shape with an extent of 1 on each shared axis, and broadcasts.
TEST_P(PRelu, BroadcastsItsSlopesAsKerasDoes) {
  const std::vector<int64_t>& shape = GetParam().shape;
  const std::vector<int64_t>& extents = GetParam().alpha;
  import::FloatLayer prelu = function("prelu");
  import::Array alpha{extents, {}};
  for (int64_t i = 0; i < model::element_count(extents); ++i) alpha.data.push_back(static_cast<double>(i + 1) / 16);
  prelu.arrays["alpha"] = alpha;
  const auto network = one_layer(prelu, shape);
  const int64_t elements = model::element_count(shape);
  std::vector<double> x;
  for (int64_t i = 0; i < 4 * elements; ++i) x.push_back(static_cast<double>(i % 13 - 9) / 4);
  for (const char* config : {"", "Model: {Precision: 'ap_fixed<24,8>'}"}) {
    const auto run = testing::run_network(network, {config, "", FixedType::fixed(12, 6)}, {Events{x, 4}});
    ASSERT_TRUE(run.ok()) << run.status();
    const std::vector<double> y = run->outputs();
    for (size_t n = 0; n < x.size(); ++n) {
      size_t rest = n % static_cast<size_t>(elements), source = 0, stride = 1;
      for (size_t a = shape.size(); a-- > 0;) {
        const size_t index = rest % static_cast<size_t>(shape[a]);
        rest /= static_cast<size_t>(shape[a]);
        if (extents[a] != 1) source += index * stride;
        stride *= static_cast<size_t>(extents[a]);
      }
      EXPECT_EQ(y[n], x[n] < 0 ? alpha.data[source] * x[n] : x[n]) << "element " << n << " " << config;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(SharedAxes, PRelu,
                         ::testing::Values(Slopes{{3, 4}, {3, 4}}, Slopes{{3, 4}, {1, 4}}, Slopes{{3, 4}, {3, 1}},
                                           Slopes{{4, 4}, {4, 1}}, Slopes{{4, 4}, {1, 4}}, Slopes{{4, 4}, {1, 1}},
                                           Slopes{{2, 3, 2}, {2, 1, 1}}, Slopes{{2, 3, 2}, {1, 3, 1}},
                                           Slopes{{2, 3, 2}, {1, 1, 2}}, Slopes{{2, 2, 2}, {2, 1, 2}}));

TEST(PRelu, RefusesSlopesOfAnotherShape) {
  import::FloatLayer prelu = function("prelu");
  prelu.arrays["alpha"] = {{2, 4}, std::vector<double>(8, 0.5)};
  const auto run = testing::run_network(one_layer(prelu, {3, 4}), {}, {Events{std::vector<double>(12), 1}});
  ASSERT_FALSE(run.ok());
  EXPECT_NE(std::string(run.status().message()).find("layer 'y'"), std::string::npos) << run.status();
}

/// The largest input rounds up to a power of two: ranges count the rounding in.
TEST(Rounding, AtTheTopOfTheRangeNeverOverflows) {
  for (const double weight : {1.0, -1.0, 0.99997, 1.5}) {
    import::FloatModel network = one_layer(layer("Dense", "first", "x"), {1});
    network.layers.back().arrays["kernel"] = {{1, 1}, {weight}};
    import::FloatLayer second = layer("Dense", "second", "first");
    second.arrays["kernel"] = {{1, 1}, {weight}};
    network.layers.push_back(second);
    network.layers.push_back(layer("Activation", "y", "second"));
    network.layers.back().settings["activation"] = std::string("relu");
    network.layers.push_back(layer("Dense", "third", "y"));
    network.layers.back().arrays["kernel"] = {{1, 1}, {1.0}};
    network.outputs = {{"third", {1}}};
    const FixedType type = FixedType::fixed(24, 1);  // almost 1, and 11 bits finer than results are kept
    const auto run = testing::run_network(network, {"", "", type}, {Events{{1 - type.step(), -1, 0.5}, 3}});
    ASSERT_TRUE(run.ok()) << run.status();
    testing::expect_overflow_only_by_design(network, run->graph, run->evaluation, run->rows);
    if (weight == 1.0) {
      EXPECT_EQ(run->outputs()[0], 1.0);
    }
  }
}

}  // namespace
}  // namespace strobe
