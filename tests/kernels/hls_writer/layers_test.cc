#include <gtest/gtest.h>

#include "kernels/hls/project.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe {
namespace {

using model::FixedType;

model::Graph tiny_dense() {
  model::GraphBuilder builder("tiny");
  const auto x = builder.add_input("x", {{3}, {FixedType::fixed(8, 4)}});
  model::Node dense{"fc1", "dense", {x}, {}, {}, {}};
  dense.constants["weight"] = {{{3, 2}, {FixedType::fixed(6, 2)}}, {1, -5, 7, 0, -32, 31}};
  dense.constants["bias"] = {{{2}, {FixedType::fixed(6, 2)}}, {3, -4}};
  const auto h = builder.add(dense, {{2}, {FixedType::fixed(10, 5, model::Rounding::kRnd, model::Overflow::kSat)}});
  const auto y = builder.add({"act", "relu", {h}, {}, {}, {}}, {{2}, {FixedType::fixed(8, 5), FixedType::ufixed(4, 2)}});
  builder.set_outputs({y});
  return *std::move(builder).build();
}

TEST(Hls, TinyDenseEqualsReference) { testing::expect_hls_equals_reference({tiny_dense()}, 1000, 1); }

}  // namespace
}  // namespace strobe
