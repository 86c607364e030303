#include "tests/kernels/emulator/random_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "kernels/emulator/emulator.h"
#include "kernels/layers/reference.h"

namespace strobe::emulator {
namespace {

using model::Graph;
using testing::RandomGraphOptions;

constexpr size_t kRows = 70;
/// A few events take another way than blocks of events.
constexpr size_t kMostRowsOneByOne = 4;

struct Case {
  const char* name;
  RandomGraphOptions options;
  int graphs;
};

class RandomGraph : public ::testing::TestWithParam<Case> {};

std::vector<std::vector<std::byte>> run(const Emulator& emulator, const Graph& graph,
                                        const std::vector<std::vector<std::byte>>& inputs, size_t rows) {
  std::vector<const std::byte*> in;
  for (const auto& rows_of_input : inputs) in.push_back(rows_of_input.data());
  std::vector<std::vector<std::byte>> outputs;
  std::vector<std::byte*> out;
  for (size_t o = 0; o < graph.outputs().size(); ++o) outputs.emplace_back(rows * graph.output(o).type.row_bytes());
  for (auto& rows_of_output : outputs) out.push_back(rows_of_output.data());
  Scratch scratch;
  const absl::Status status = emulator.run(in, out, rows, scratch);
  EXPECT_TRUE(status.ok()) << status;
  return outputs;
}

void expect_equal(const Graph& graph, size_t rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::vector<int64_t>> raw;
  std::vector<std::vector<std::byte>> inputs;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    raw.push_back(testing::random_rows(graph, i, rows, random));
    inputs.push_back(testing::pack_rows(graph.input(i).type, raw.back()));
  }
  const auto reference = layers::evaluate_reference(graph, {raw.begin(), raw.end()}, rows, /*keep_tensors=*/true);
  ASSERT_TRUE(reference.ok()) << reference.status();

  for (const bool vectorise : {false, true}) {
    const auto emulator = Emulator::create(graph, {.vectorise = vectorise});
    if (absl::IsUnimplemented(emulator.status())) return;  // beyond the integers in which the reference is exact
    ASSERT_TRUE(emulator.ok()) << emulator.status();
    const auto outputs = run(*emulator, graph, inputs, rows);
    for (size_t o = 0; o < outputs.size(); ++o) {
      const std::vector<int64_t> raw_output = testing::unpack_rows(graph.output(o).type, outputs[o]);
      const auto [got, expected] = std::mismatch(raw_output.begin(), raw_output.end(), reference->outputs[o].begin());
      if (got == raw_output.end()) continue;
      const int64_t at = got - raw_output.begin();
      const int64_t elements = graph.output(o).type.elements();
      FAIL() << "vectorise " << vectorise << ", output " << o << ", row " << at / elements << ", element "
             << at % elements << " of type " << graph.output(o).type.at(at % elements).to_string() << ": " << *got
             << " instead of " << *expected << "\n"
             << emulator->describe();
    }
    if (vectorise) continue;
    std::vector<const std::byte*> in;
    for (const auto& rows_of_input : inputs) in.push_back(rows_of_input.data());
    const auto trace = emulator->trace(in, rows);
    ASSERT_TRUE(trace.ok()) << trace.status();
    ASSERT_EQ(trace->tensors, reference->tensors);
    for (size_t n = 0; n < graph.nodes().size(); ++n) {
      EXPECT_EQ(trace->overflow[n].wrapped, reference->overflow[n].wrapped) << graph.nodes()[n].name;
      EXPECT_EQ(trace->overflow[n].saturated, reference->overflow[n].saturated) << graph.nodes()[n].name;
    }
  }
}

TEST_P(RandomGraph, EqualsTheReferenceInEveryBit) {
  const Case& c = GetParam();
  const char* only = std::getenv("STROBE_SEED");
  const uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const char* factor = std::getenv("STROBE_RANDOM_GRAPHS");  // times as many, for a long run
  const int graphs = only != nullptr ? 1 : c.graphs * (factor != nullptr ? std::atoi(factor) : 1);
  for (uint64_t seed = first; seed < first + graphs; ++seed) {
    const Graph graph = testing::random_graph(seed, c.options);
    SCOPED_TRACE(::testing::Message() << "STROBE_SEED=" << seed << " " << model::print(graph));
    expect_equal(graph, seed % 3 == 0 ? kRows : seed % 40 + 1, seed);
    expect_equal(graph, seed % kMostRowsOneByOne + 1, seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Emulator, RandomGraph,
    ::testing::Values(
        Case{"Narrow", {.max_width = 8}, 300}, Case{"Usual", {.max_width = 18}, 300},
        Case{"NarrowDense",
             {.max_width = 8,
              .max_elements = 40,
              .max_layers = 4,
              .per_element = false,
              .any_rounding = false,
              .tables = false},
             200},
        Case{"TruncatedSixteen", {.max_width = 16, .max_elements = 24, .max_layers = 4, .any_rounding = false}, 200},
        Case{"Wide", {.max_width = 34}, 200}, Case{"Widest", {.max_width = 64, .max_layers = 3}, 200}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace strobe::emulator
