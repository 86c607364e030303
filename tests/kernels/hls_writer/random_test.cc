#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/kernels/emulator/random_graph.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe {
namespace {

/// Random graphs of all layers: every tensor that a layer makes is an output, so that a difference shows where it
/// arises.
model::Graph random_graph(uint64_t seed) {
  const model::Graph graph = testing::random_graph(seed, {});
  model::GraphBuilder builder(graph);
  builder.set_name("random" + std::to_string(seed));
  std::vector<model::TensorId> outputs;
  for (const model::Node& node : graph.nodes()) outputs.push_back(node.outputs[0]);
  return testing::finished(std::move(builder), outputs);
}

/// STROBE_RANDOM_GRAPHS sets how many; STROBE_SEED the first one.
TEST(HlsOfRandomGraphs, EqualsReference) {
  const char* wanted = std::getenv("STROBE_RANDOM_GRAPHS");
  const char* start = std::getenv("STROBE_SEED");
  const uint64_t first = start != nullptr ? std::strtoull(start, nullptr, 10) : 1;
  const uint64_t count = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 6;
  for (uint64_t seed = first; seed < first + count && !HasFailure(); seed += 6) {
    std::vector<model::Graph> graphs;
    for (uint64_t n = seed; n < std::min(seed + 6, first + count); ++n) graphs.push_back(random_graph(n));
    testing::expect_hls_equals_reference(graphs, {300}, seed);
  }
}

}  // namespace
}  // namespace strobe
