/// The reloadable forest engine as g++ compiles it, and its image, against the reference of the forests that it is
/// given.

#include "kernels/layers/forest_engine/forest_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "kernels/layers/catalog.h"
#include "kernels/layers/forest_engine/forest_image.h"
#include "kernels/layers/reference.h"
#include "tests/kernels/emulator/random_forest.h"
#include "tests/kernels/emulator/random_graph.h"
#include "tests/kernels/hls_writer/runner.h"

namespace strobe {
namespace {

using layers::EngineShape;
using layers::ForestImage;
using model::FixedType;
using model::Overflow;
using model::Rounding;

struct Drawn {
  int64_t features, trees, outputs;
  int depth;
  bool vectors;
  FixedType input, leaf, result;
};

model::Graph drawn_forest(const Drawn& d, uint64_t seed) {
  const model::TensorType input = {{d.features}, {d.input}};
  model::GraphBuilder builder(absl::StrCat("forest", seed));
  const model::TensorId x = builder.add_input("x", input);
  testing::RandomForest forest(seed, input, d.trees, d.depth);
  model::Node node = forest.node("forest", x, d.outputs, d.vectors, d.leaf);
  if (seed % 2 == 0) {
    // Every other one knows missing values, at which questions of one interval turn: in, or out of a half-line.
    builder.mutable_tensor(x).encoding.missing = model::missing_code(d.input);
    const auto lowest = static_cast<int64_t>(d.input.min_raw()), highest = static_cast<int64_t>(d.input.max_raw());
    const auto& begin = node.constant("predicate_begin")->raw;
    for (size_t p = 0; p + 1 < begin.size(); ++p) {
      int64_t& low = node.constants["interval_low"].raw[begin[p]];
      int64_t& high = node.constants["interval_high"].raw[begin[p]];
      if (begin[p + 1] - begin[p] != 1 || high - low < 3) continue;
      p % 2 == 0 ? void(low = lowest + 1) : void(high = highest - 1);
    }
  }
  const auto y = builder.add(std::move(node), {{d.outputs}, {d.result}}, "scores");
  return testing::finished(std::move(builder), {y});
}

const FixedType kKey = FixedType::fixed(32, 32);

/// Of every container, sign and way of leaving a type's range.
const Drawn kForests[] = {
    {5, 7, 3, 4, true, FixedType::fixed(12, 5), FixedType::fixed(9, 3), FixedType::fixed(13, 7)},
    {16, 30, 1, 6, false, kKey, FixedType::fixed(18, 2), FixedType::fixed(24, 8)},
    {16, 20, 4, 5, false, FixedType::ufixed(32, 20), FixedType::fixed(40, 2), FixedType::fixed(47, 9)},
    {3, 9, 2, 3, true, FixedType::ufixed(7, 7), FixedType::fixed(9, 3),
     FixedType::fixed(8, 2, Rounding::kTrn, Overflow::kWrap)},
    {11, 12, 4, 5, false, FixedType::fixed(16, 6), FixedType::fixed(9, 3),
     FixedType::fixed(8, 2, Rounding::kTrn, Overflow::kSat)},
    {1, 4, 1, 2, false, FixedType::fixed(2, 2), FixedType::ufixed(6, 3),
     FixedType::ufixed(7, 4, Rounding::kRnd, Overflow::kSatZero)},
    {7, 12, 2, 5, true, FixedType::fixed(9, 1), FixedType::fixed(9, 3),
     FixedType::fixed(8, 2, Rounding::kTrn, Overflow::kSatSym)},
};

const EngineShape kShape = {4, 1000, 16, 4};

/// Rows and the reference's scores, packed.
struct Rows {
  std::vector<std::byte> events, scores;
};

Rows reference_rows(const model::Graph& graph, size_t rows, std::mt19937_64& random) {
  std::vector<int64_t> x = testing::random_rows(graph, 0, rows, random);
  for (int64_t& value : x) {
    if (graph.input(0).encoding.missing && random() % 4 == 0) value = *graph.input(0).encoding.missing;
  }
  const std::span<const int64_t> view = x;
  const auto evaluation = layers::evaluate_reference(graph, {view}, rows);
  EXPECT_TRUE(evaluation.ok()) << evaluation.status();
  return {testing::pack_rows(graph.input(0).type, x), testing::pack_rows(graph.output(0).type, evaluation->outputs[0])};
}

ForestImage image_of(const model::Graph& graph) {
  auto image = ForestImage::make(graph, kShape);
  EXPECT_TRUE(image.ok()) << image.status();
  return *std::move(image);
}

TEST(ForestImage, GivesTheReferencesBits) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const model::Graph graph = drawn_forest(kForests[seed % std::size(kForests)], seed);
    const ForestImage image = image_of(graph);
    std::mt19937_64 random(seed);
    const Rows rows = reference_rows(graph, 100, random);
    std::vector<std::byte> scores(rows.scores.size());
    image.run(rows.events, scores, 100);
    ASSERT_EQ(scores, rows.scores) << "seed " << seed;
    ASSERT_EQ(image.input_row_bytes() * 100, rows.events.size());
    ASSERT_EQ(image.score_row_bytes() * 100, rows.scores.size());
  }
}

TEST(ForestImage, ComesBackFromItsBytes) {
  const ForestImage image = image_of(drawn_forest(kForests[1], 5));
  const auto again = ForestImage::parse(image.bytes());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->bytes(), image.bytes());
  EXPECT_EQ(again->hash(), image.hash());
  EXPECT_EQ(again->used(), image.used());
  EXPECT_EQ(again->planned_interval(), image.planned_interval());
  EXPECT_LE(image.bytes().size(), kShape.image_bytes());
}

TEST(ForestImage, EveryDamagedByteIsSeen) {
  const std::string bytes = image_of(drawn_forest(kForests[0], 3)).bytes();
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(ForestImage::parse(damaged).ok()) << "byte " << i;
    if (i % 7 == 0) {
      EXPECT_FALSE(ForestImage::parse(std::string_view(bytes).substr(0, i)).ok()) << i << " bytes";
    }
  }
  EXPECT_THAT(ForestImage::parse(bytes + std::string(64, '\0')).status().message(), ::testing::HasSubstr("bytes"));
  EXPECT_THAT(ForestImage::parse("").status().message(), ::testing::HasSubstr("SFI1"));
}

TEST(ForestImage, OfAnotherVersionIsNamed) {
  std::string bytes = image_of(drawn_forest(kForests[0], 3)).bytes();
  bytes[4] = 2;
  const absl::Status status = ForestImage::parse(bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("has version 2, this strobe knows 1"));
}

TEST(ForestImage, SaysWhatIsTooLargeForAnEngine) {
  const model::Graph graph = drawn_forest(kForests[1], 5);
  const auto refusal = [&](EngineShape shape) {
    const absl::Status status = ForestImage::make(graph, shape).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refusal({4, 1000, 15, 4}),
              ::testing::HasSubstr("takes 15 features and 4 outputs; the forest has 16 and 1"));
  EXPECT_THAT(refusal({4, 30, 16, 4}), ::testing::HasSubstr("4 memories of 30 nodes; the forest's 30 trees have "));
  const absl::Status status = image_of(graph).fits({2, 1000, 16, 4});
  EXPECT_THAT(status.message(), ::testing::HasSubstr("the engine holds engines=2,nodes=1000,features=16,outputs=4; the "
                                                     "forest needs engines=4,nodes="));
}

TEST(ForestImage, RefusesByNameWhatAnEngineDoesNotCompute) {
  const auto refusal = [](void (*change)(model::Node&), FixedType result) {
    const model::TensorType input = {{5}, {FixedType::fixed(12, 5)}};
    model::GraphBuilder builder("forest");
    const model::TensorId x = builder.add_input("x", input);
    testing::RandomForest forest(1, input, 5, 3);
    model::Node node = forest.node("trees", x, 2, true, FixedType::fixed(9, 3));
    change(node);
    const auto y = builder.add(std::move(node), {{2}, {result}});
    const absl::Status status = ForestImage::make(testing::finished(std::move(builder), {y}), kShape).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_THAT(status.message(), ::testing::HasSubstr("'trees' (forest)"));
    return std::string(status.message());
  };
  const FixedType result = FixedType::fixed(13, 7);
  EXPECT_THAT(refusal([](model::Node& node) { node.attributes["sum"] = std::string("maximum"); }, result),
              ::testing::HasSubstr("the maximum of trees"));
  EXPECT_THAT(refusal(
                  [](model::Node& node) {
                    node.attributes["sum"] = std::string("file_order");
                    node.attributes["accumulator"] = FixedType::fixed(13, 7, Rounding::kTrn, Overflow::kSat);
                  },
                  result),
              ::testing::HasSubstr("sum 'file_order' that converts to ap_fixed<13,7,AP_TRN,AP_SAT>"));
  EXPECT_THAT(refusal([](model::Node&) {}, FixedType::fixed(12, 7)), ::testing::HasSubstr("does not round"));
  EXPECT_THAT(refusal(
                  [](model::Node& node) {
                    node.constants["scale"] = testing::random_constant({{1}, {FixedType::fixed(6, 1)}}, 1);
                  },
                  result),
              ::testing::HasSubstr("does not scale"));
}

/// conifer's additions that wrap are additions modulo a range, in any order.
TEST(ForestImage, AddsInConifersOrderWhereThatWraps) {
  for (const char* sum : {"file_order", "balanced"}) {
    const model::TensorType input = {{5}, {FixedType::fixed(12, 5)}};
    const FixedType type = FixedType::fixed(9, 3);
    model::GraphBuilder builder("forest");
    const model::TensorId x = builder.add_input("x", input);
    testing::RandomForest forest(2, input, 9, 4);
    model::Node node = forest.node("trees", x, 2, true, type);
    node.attributes["sum"] = std::string(sum);
    node.attributes["accumulator"] = type;
    const auto y = builder.add(std::move(node), {{2}, {type}});
    const model::Graph graph = testing::finished(std::move(builder), {y});
    std::mt19937_64 random(1);
    const Rows rows = reference_rows(graph, 200, random);
    std::vector<std::byte> scores(rows.scores.size());
    image_of(graph).run(rows.events, scores, 200);
    EXPECT_EQ(scores, rows.scores) << sum;
  }
}

/// One engine, compiled once.
class ForestEngine : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto graph = layers::engine_graph("engine", kShape);
    ASSERT_TRUE(graph.ok()) << graph.status();
    const auto project = hls::write_project(*graph);
    ASSERT_TRUE(project.ok()) << project.status();
    folder_ = std::make_unique<testing::ScratchFolder>();
    const auto report = hls::build_sw_emu(*project, *folder_ / "engine.so");
    ASSERT_TRUE(report.ok()) << report.status();
    library_ = std::make_unique<testing::LoadedLibrary>(*folder_ / "engine.so");
  }
  static void TearDownTestSuite() {
    library_.reset();
    folder_.reset();
  }

  static std::vector<std::byte> run(const ForestImage& image, const Rows& rows, uint32_t count) {
    std::vector<std::byte> scores(rows.scores.size() + 64, std::byte{0xa5});
    const std::string parameters = image.bytes();
    const uint64_t values[] = {reinterpret_cast<uintptr_t>(rows.events.data()),
                               reinterpret_cast<uintptr_t>(scores.data()), count,
                               reinterpret_cast<uintptr_t>(parameters.data())};
    library_->library()->kernels[0].run(values);
    for (size_t i = rows.scores.size(); i < scores.size(); ++i) EXPECT_EQ(scores[i], std::byte{0xa5});
    scores.resize(rows.scores.size());
    return scores;
  }

  static inline std::unique_ptr<testing::ScratchFolder> folder_;
  static inline std::unique_ptr<testing::LoadedLibrary> library_;
};

TEST_F(ForestEngine, GivesEveryForestsBitsWhichIsChangedBetweenLaunches) {
  std::mt19937_64 random(7);
  for (uint64_t seed = 1; seed <= 21; ++seed) {
    const model::Graph graph = drawn_forest(kForests[seed % std::size(kForests)], seed);
    const ForestImage image = image_of(graph);
    for (const size_t count : {1, 3, 4, 300, 517}) {
      const Rows rows = reference_rows(graph, count, random);
      ASSERT_EQ(run(image, rows, static_cast<uint32_t>(count)), rows.scores) << "seed " << seed << ", rows " << count;
    }
  }
}

/// Compute units of one kernel, each with a forest of its own.
TEST_F(ForestEngine, HoldsAForestForEachComputeUnit) {
  std::vector<std::thread> units;
  std::vector<int> wrong(4, 0);
  for (uint64_t unit = 0; unit < wrong.size(); ++unit) {
    units.emplace_back([&, unit] {
      const model::Graph graph = drawn_forest(kForests[unit], 50 + unit);
      const ForestImage image = image_of(graph);
      std::mt19937_64 random(unit);
      for (int i = 0; i < 20; ++i) {
        const Rows rows = reference_rows(graph, 64, random);
        if (run(image, rows, 64) != rows.scores) ++wrong[unit];
      }
    });
  }
  for (std::thread& unit : units) unit.join();
  EXPECT_THAT(wrong, ::testing::Each(0));
}

}  // namespace
}  // namespace strobe
