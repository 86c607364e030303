// Every instruction set that this processor has gives the same bits.
#include "hwy/targets.h"

#include <gtest/gtest.h>

#include <set>

#include "kernels/emulator/emulator.h"
#include "kernels/layers/reference.h"
#include "tests/kernels/emulator/random_graph.h"

namespace strobe::emulator {
namespace {

std::vector<int64_t> run(const model::Graph& graph, const std::vector<std::vector<std::byte>>& inputs, size_t rows) {
  const auto emulator = Emulator::create(graph);
  EXPECT_TRUE(emulator.ok()) << emulator.status();
  std::vector<const std::byte*> in;
  for (const auto& input : inputs) in.push_back(input.data());
  std::vector<std::vector<std::byte>> results;
  std::vector<std::byte*> out;
  for (size_t o = 0; o < graph.outputs().size(); ++o) results.emplace_back(rows * graph.output(o).type.row_bytes());
  for (auto& result : results) out.push_back(result.data());
  Scratch scratch;
  EXPECT_TRUE(emulator->run(in, out, rows, scratch).ok());
  return testing::unpack_rows(graph.output(0).type, results[0]);
}

TEST(InstructionSets, GiveTheSameBits) {
  constexpr uint64_t kGraphs = 150;
  constexpr size_t kRows = 37;
  constexpr size_t kFewRows = 3;
  std::set<std::string> seen;
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    for (uint64_t seed = 1; seed <= kGraphs; ++seed) {
      const model::Graph graph = testing::random_graph(
          seed, {.max_width = static_cast<int>(6 + seed % 20), .max_elements = 16, .any_rounding = seed % 2 == 0});
      std::mt19937_64 random(seed);
      std::vector<std::vector<int64_t>> raw;
      std::vector<std::vector<std::byte>> inputs;
      for (size_t i = 0; i < graph.inputs().size(); ++i) {
        raw.push_back(testing::random_rows(graph, i, kRows, random));
        inputs.push_back(testing::pack_rows(graph.input(i).type, raw.back()));
      }
      const auto reference = layers::evaluate_reference(graph, {raw.begin(), raw.end()}, kRows);
      ASSERT_TRUE(reference.ok()) << reference.status();
      ASSERT_EQ(run(graph, inputs, kRows), reference->outputs[0]) << hwy::TargetName(left & -left) << ", seed " << seed;
      // One by one, as a few events are run.
      std::vector<int64_t> first = reference->outputs[0];
      first.resize(first.size() / kRows * kFewRows);
      ASSERT_EQ(run(graph, inputs, kFewRows), first) << hwy::TargetName(left & -left) << ", seed " << seed;
    }
    seen.insert(hwy::TargetName(left & -left));
    hwy::SetSupportedTargetsForTest(0);
  }
  EXPECT_FALSE(seen.empty());
}

}  // namespace
}  // namespace strobe::emulator
