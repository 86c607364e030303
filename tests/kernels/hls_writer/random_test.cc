#include <gtest/gtest.h>

#include "tests/kernels/emulator/random_graph.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe {
namespace {

/// `count` random graphs from `first` on, compiled as one project.
void check(uint64_t first, int count, const testing::RandomGraphOptions& options) {
  std::vector<model::Graph> graphs;
  for (int n = 0; n < count; ++n) {
    model::GraphBuilder builder(testing::random_graph(first + n, options));
    builder.set_name("random" + std::to_string(first + n));
    auto graph = std::move(builder).build();
    ASSERT_TRUE(graph.ok()) << graph.status();
    graphs.push_back(*std::move(graph));
  }
  testing::expect_hls_equals_reference(graphs, 300, first);
}

TEST(HlsOfRandomGraphs, EqualsReference) { check(1, 8, {}); }

}  // namespace
}  // namespace strobe
