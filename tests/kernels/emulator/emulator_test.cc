#include "kernels/emulator/emulator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strobe::emulator {
namespace {

using model::FixedType;

model::Graph passing(FixedType in, FixedType out) {
  model::GraphBuilder builder("passing");
  model::Node node{.name = "cast", .op = "quantize", .inputs = {builder.add_input("x", {{1}, {in}})}};
  builder.set_outputs({builder.add(std::move(node), {{1}, {out}})});
  return *std::move(builder).build();
}

TEST(Emulator, RefusesAWrongNumberOfTensors) {
  const auto emulator = Emulator::create(passing(FixedType::fixed(16, 6), FixedType::fixed(8, 4)));
  ASSERT_TRUE(emulator.ok()) << emulator.status();
  Scratch scratch;
  const absl::Status status = emulator->run({}, {}, 1, scratch);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("1 inputs and 1 outputs, given are 0 and 0"));
}

TEST(Emulator, TakesOnlyTheBitsOfTheInputsType) {
  const auto emulator = Emulator::create(passing(FixedType::fixed(5, 5), FixedType::fixed(8, 8)));
  ASSERT_TRUE(emulator.ok()) << emulator.status();
  const uint8_t row[] = {0x7f};  // the low five bits are -1
  int8_t result = 0;
  const std::byte* in[] = {reinterpret_cast<const std::byte*>(row)};
  std::byte* out[] = {reinterpret_cast<std::byte*>(&result)};
  Scratch scratch;
  ASSERT_TRUE(emulator->run(in, out, 1, scratch).ok());
  EXPECT_EQ(result, -1);
}

TEST(Emulator, TakesAnEmptyBatch) {
  const auto emulator = Emulator::create(passing(FixedType::fixed(16, 6), FixedType::fixed(8, 4)));
  ASSERT_TRUE(emulator.ok()) << emulator.status();
  const std::byte* in[] = {nullptr};
  std::byte* out[] = {nullptr};
  Scratch scratch;
  EXPECT_TRUE(emulator->run(in, out, 0, scratch).ok());
}

TEST(Emulator, CutsProductsOfOneValueOneByOneForAFewEvents) {
  const FixedType input = FixedType::fixed(8, 8);
  model::GraphBuilder builder("cut");
  const auto x = builder.add_input("x", {{1}, {input}});
  model::Node twice{.name = "twice", .op = "concatenate", .inputs = {x, x}};
  twice.attributes["axis"] = int64_t{0};
  const auto both = builder.add(std::move(twice), {{2}, {input}});
  model::Node dense{.name = "dense", .op = "dense", .inputs = {both}};
  dense.attributes["accum"] = FixedType::fixed(12, 12);
  dense.constants["weight"] = model::Constant{{{2, 1}, {FixedType::fixed(4, 1)}}, {3, 3}};  // 3/8 each
  builder.set_outputs({builder.add(std::move(dense), {{1}, {FixedType::fixed(12, 12)}})});
  const auto graph = std::move(builder).build();
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto emulator = Emulator::create(*graph);
  ASSERT_TRUE(emulator.ok()) << emulator.status();
  const int8_t rows[] = {5, -5};
  int16_t results[2] = {};
  const std::byte* in[] = {reinterpret_cast<const std::byte*>(rows)};
  std::byte* out[] = {reinterpret_cast<std::byte*>(results)};
  Scratch scratch;
  ASSERT_TRUE(emulator->run(in, out, 2, scratch).ok());
  EXPECT_EQ(results[0], 2);   // 15/8 twice, each cut to 1
  EXPECT_EQ(results[1], -4);  // -15/8 twice, each cut to -2
}

TEST(Emulator, CountsOverflowsOfEachLayer) {
  const auto emulator = Emulator::create(
      passing(FixedType::fixed(8, 8), FixedType::fixed(4, 4, model::Rounding::kTrn, model::Overflow::kSat)));
  ASSERT_TRUE(emulator.ok()) << emulator.status();
  const int8_t rows[] = {1, 7, 8, -8, -9, 127};
  const std::byte* in[] = {reinterpret_cast<const std::byte*>(rows)};
  const auto trace = emulator->trace(in, 6, /*keep_tensors=*/false);
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->overflow[0].saturated, 3u);
  EXPECT_EQ(trace->overflow[0].wrapped, 0u);
  EXPECT_TRUE(trace->tensors.empty());
}

}  // namespace
}  // namespace strobe::emulator
