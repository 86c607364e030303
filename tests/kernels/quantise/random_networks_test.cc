#include <gtest/gtest.h>

#include "kernels/emulator/emulator.h"
#include "kernels/import/float_reference.h"
#include "kernels/layers/reference.h"
#include "kernels/package/package.h"
#include "kernels/quantise/quantise.h"
#include "tests/kernels/emulator/random_graph.h"
#include "tests/kernels/quantise/error_bound.h"
#include "tests/kernels/quantise/overflow.h"
#include "tests/kernels/quantise/random_network.h"

/// Whatever network, quantisers and configuration: the graph's reference and its emulation agree, and it survives its
/// file.
namespace strobe {
namespace {

using testing::Style;

constexpr size_t kRows = 37;

void expect_emulator_equals_reference(const model::Graph& graph, uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::vector<int64_t> raw = testing::random_rows(graph, 0, kRows, random);
  const auto reference = layers::evaluate_reference(graph, {raw}, kRows);
  ASSERT_TRUE(reference.ok()) << reference.status();
  const auto emulator = emulator::Emulator::create(graph);
  ASSERT_TRUE(emulator.ok()) << emulator.status();
  const std::vector<std::byte> in = testing::pack_rows(graph.input(0).type, raw);
  std::vector<std::byte> out(kRows * graph.output(0).type.row_bytes());
  const std::byte* inputs[] = {in.data()};
  std::byte* outputs[] = {out.data()};
  emulator::Scratch scratch;
  const absl::Status status = emulator->run(inputs, outputs, kRows, scratch);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(testing::unpack_rows(graph.output(0).type, out), reference->outputs[0]) << model::print(graph);
}

void expect_round_trip(const model::Graph& graph) {
  const std::string bytes = package::serialize_graph(graph);
  const auto parsed = package::parse_graph(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(package::serialize_graph(*parsed), bytes);
}

struct Case {
  const char* name;
  Style style;
  bool configured;
  int networks;
};

class RandomNetworks : public ::testing::TestWithParam<Case> {};

TEST_P(RandomNetworks, AgreeInEveryBitAndSurviveTheirFile) {
  for (int i = 0; i < GetParam().networks; ++i) {
    const uint64_t seed = 1000 * static_cast<uint64_t>(GetParam().style) + 100 * GetParam().configured + i;
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const import::FloatModel network = testing::random_network(seed, GetParam().style);
    quantise::QuantiseOptions options;
    if (GetParam().configured) options.config = testing::random_config(seed);
    if (i % 3 == 0) options.input_type = model::FixedType::fixed(14, 5);
    SCOPED_TRACE(options.config);
    const auto quantised = quantise::quantise(network, options);
    ASSERT_TRUE(quantised.ok()) << quantised.status();
    expect_emulator_equals_reference(quantised->graph, seed);
    expect_round_trip(quantised->graph);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

/// Without a configuration nothing overflows but by design, and answers are as close to floating point as types and
/// tables say.
TEST_P(RandomNetworks, FollowFloatingPointByTheirOwnRules) {
  if (GetParam().configured || GetParam().style == Style::kHgq) GTEST_SKIP() << "types are not strobe's own here";
  int close = 0;
  const int networks = 3 * GetParam().networks;
  for (int i = 0; i < networks; ++i) {
    const uint64_t seed = 50000 + 1000 * static_cast<uint64_t>(GetParam().style) + static_cast<uint64_t>(i);
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const import::FloatModel network = testing::random_network(seed, GetParam().style);
    const auto quantised = quantise::quantise(network, {"", "", model::FixedType::fixed(14, 5)});
    ASSERT_TRUE(quantised.ok()) << quantised.status();
    const model::Graph& graph = quantised->graph;
    std::mt19937_64 random(seed);
    const std::vector<int64_t> raw = testing::random_rows(graph, 0, kRows, random);
    const auto fixed = layers::evaluate_reference(graph, {raw}, kRows, /*keep_tensors=*/true);
    ASSERT_TRUE(fixed.ok()) << fixed.status();
    testing::expect_overflow_only_by_design(network, graph, *fixed, kRows);

    std::vector<double> events;
    for (const int64_t value : raw) events.push_back(model::to_double(value, graph.input(0).type.types[0]));
    const auto floating = import::evaluate_float(network, {events}, kRows);
    ASSERT_TRUE(floating.ok()) << floating.status();
    const double bound = testing::error_bound(network, graph, *fixed, kRows, graph.outputs()[0]);
    const std::vector<float>& truth = floating->output(0).values;
    ASSERT_EQ(truth.size(), fixed->outputs[0].size());
    double largest = 0, difference = 0;
    for (size_t v = 0; v < truth.size(); ++v) {
      const double value = model::to_double(fixed->outputs[0][v], graph.output(0).type.types[0]);
      largest = std::max<double>(largest, std::abs(truth[v]));
      difference = std::max(difference, std::abs(value - truth[v]));
    }
    ASSERT_LE(difference, bound) << model::print(graph);
    close += bound <= 0.05 * std::max(1.0, largest);
  }
  EXPECT_GE(close, networks / 3) << "the bounds say nothing";
}

INSTANTIATE_TEST_SUITE_P(Styles, RandomNetworks,
                         ::testing::Values(Case{"float_own", Style::kFloat, false, 20},
                                           Case{"float_configured", Style::kFloat, true, 30},
                                           Case{"qkeras_own", Style::kQKeras, false, 20},
                                           Case{"qkeras_configured", Style::kQKeras, true, 20},
                                           Case{"hgq", Style::kHgq, false, 60}),
                         [](const auto& p) { return std::string(p.param.name); });

}  // namespace
}  // namespace strobe
