#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe {
namespace {

using model::FixedType;
using model::Overflow;
using model::Rounding;
using model::TensorId;
using testing::random_constant;

const FixedType kWide = FixedType::fixed(26, 12);

model::Node dense_node(const std::string& name, TensorId x, int64_t n_in, int64_t n_out, uint64_t seed) {
  model::Node node{name, "dense", {x}, {}, {}, {}};
  node.constants["weight"] = random_constant({{n_in, n_out}, {FixedType::fixed(6, 2)}}, seed);
  node.constants["bias"] = random_constant({{n_out}, {FixedType::fixed(6, 2)}}, seed + 1);
  return node;
}

/// Every reuse factor that the rule allows for 4 x 6, and one that it does not, on two rows of inputs; the accumulator
/// saturates, so that the order of additions shows.
TEST(HlsDense, EveryStrategyAndReuseFactorGivesTheReferencesBits) {
  model::GraphBuilder builder("reuse");
  const TensorId x = builder.add_input("x", {{2, 4}, {FixedType::fixed(8, 4)}});
  std::vector<TensorId> outputs;
  for (const char* strategy : {"latency", "resource", "resource_unrolled", "distributed_arithmetic"}) {
    for (const int64_t reuse : {1, 2, 3, 4, 5, 8, 12, 24}) {
      const std::string name = absl::StrCat(strategy, reuse);
      model::Node node = dense_node(name, x, 4, 6, static_cast<uint64_t>(reuse));
      node.attributes["strategy"] = std::string(strategy);
      node.attributes["reuse_factor"] = reuse;
      node.attributes["accum"] = FixedType::fixed(9, 6, Rounding::kRnd, Overflow::kSat);
      outputs.push_back(builder.add(node, {{2, 6}, {FixedType::fixed(7, 5, Rounding::kTrn, Overflow::kSat)}}));
    }
  }
  testing::expect_hls_equals_reference({testing::finished(std::move(builder), outputs)}, {200}, 7);
}

/// Rows of all kinds: below, at and beyond a memory word, dividing it or not, in all containers; and numbers of rows
/// around words and around the emulation's calls.
TEST(HlsRows, OfAnySizeAndNumberComeThrough) {
  std::vector<model::Graph> graphs;
  for (const int width : {7, 15, 31, 64}) {
    model::GraphBuilder builder(absl::StrCat("rows", width));
    std::vector<TensorId> outputs;
    for (const int64_t size : {1, 3, 5, 8, 16, 31, 65}) {
      const FixedType type = FixedType::fixed(width, 4);
      const TensorId x = builder.add_input(absl::StrCat("in", size), {{size}, {type}});
      outputs.push_back(builder.add({absl::StrCat("out", size), "quantize", {x}, {}, {}, {}}, {{size}, {type}}));
    }
    graphs.push_back(testing::finished(std::move(builder), outputs));
  }
  testing::expect_hls_equals_reference(graphs, {0, 1, 2, 63, 64, 65, 255, 256, 257, 700}, 11);
}

/// Two inputs and two outputs, branches that add and concatenate, a tensor with two readers, an input that is an
/// output, looped layers: each layer is a dataflow process.
TEST(HlsDataflow, BranchesEqualReference) {
  model::GraphBuilder builder("branches");
  const TensorId a = builder.add_input("a", {{6}, {FixedType::fixed(8, 3)}});
  const TensorId b = builder.add_input(
      "b", {{4}, {FixedType::fixed(8, 3), FixedType::ufixed(5, 2), FixedType::fixed(0, 0), FixedType::fixed(11, 7)}});
  model::Node first = dense_node("first", a, 6, 4, 21);
  first.attributes["strategy"] = std::string("resource");
  first.attributes["reuse_factor"] = int64_t{6};
  const TensorId h = builder.add(first, {{4}, {FixedType::fixed(10, 5, Rounding::kRnd, Overflow::kSat)}});
  const TensorId sum = builder.add({"sum", "add", {h, b}, {}, {}, {}}, {{4}, {FixedType::fixed(12, 8)}});
  const TensorId twice = builder.add({"twice", "add", {sum, sum, h}, {}, {}, {}}, {{4}, {kWide}});
  model::Node join{"join", "concatenate", {sum, a, twice}, {}, {}, {}};
  join.attributes["axis"] = int64_t{0};
  const TensorId joined = builder.add(join, {{14}, {kWide}});
  const TensorId last = builder.add(dense_node("last", joined, 14, 3, 22), {{3}, {FixedType::fixed(16, 9)}});
  testing::expect_hls_equals_reference({testing::finished(std::move(builder), {last, joined, a, last})}, {500}, 13);
}

/// The widest numbers that a graph may have, and the most unequal ones.
TEST(HlsNumbers, OfExtremeFormatsEqualReference) {
  model::GraphBuilder builder("extremes");
  const FixedType wide = FixedType::fixed(64, 20), unsigned_wide = FixedType::ufixed(63, 63),
                  tiny = FixedType::ufixed(1, -30);
  const TensorId x = builder.add_input("x", {{3}, {wide, unsigned_wide, tiny}});
  std::vector<TensorId> outputs;
  int number = 0;
  for (const FixedType& type :
       {FixedType::fixed(64, 64, Rounding::kRndConv, Overflow::kSat), FixedType::fixed(1, 1), FixedType::fixed(5, 40),
        FixedType::ufixed(63, 0, Rounding::kRndInf, Overflow::kSatZero),
        FixedType::fixed(33, -3, Rounding::kTrnZero, Overflow::kSatSym)}) {
    outputs.push_back(builder.add({absl::StrCat("q", number++), "quantize", {x}, {}, {}, {}}, {{3}, {type}}));
  }
  model::Node scale{"scale", "batch_norm", {outputs[0]}, {}, {}, {}};
  scale.constants["scale"] = {{{3}, {FixedType::fixed(50, 10)}}, {(int64_t{1} << 49) - 1, -(int64_t{1} << 49), 1}};
  scale.constants["bias"] = {{{1}, {FixedType::fixed(64, 30)}}, {INT64_MIN}};
  outputs.push_back(builder.add(scale, {{3}, {FixedType::fixed(64, 60, Rounding::kRnd, Overflow::kSat)}}));
  testing::expect_hls_equals_reference({testing::finished(std::move(builder), outputs)}, {400}, 17);
}

}  // namespace
}  // namespace strobe
