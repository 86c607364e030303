#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/import/onnx.h"
#include "kernels/quantise/quantise.h"
#include "tests/kernels/import/onnx_builder.h"

namespace strobe::quantise {
namespace {

using import::test::OnnxBuilder;
using testing::HasSubstr;

constexpr const char* kAuto = "Model: {Precision: {default: 'ap_fixed<16,6>', result: auto, accum: auto}}";

absl::StatusOr<Quantised> quantised(const OnnxBuilder& builder, const std::string& config) {
  auto model = import::import_onnx_bytes(builder.bytes(), "model.onnx");
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return model.status();
  return quantise(*model, {.config = config, .config_origin = "test.yml", .input_type = std::nullopt});
}

void expect_refusal(const OnnxBuilder& builder, const std::string& text) {
  for (const char* config : {"", kAuto}) {
    const auto result = quantised(builder, config);
    ASSERT_FALSE(result.ok());
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(text));
  }
}

TEST(OnnxQuantiseErrors, ProductsOfTwoComputedTensors) {
  OnnxBuilder b;
  b.input("x", {1, 2, 2}).output("y").node("MatMul", {"x", "x"}, {"y"});
  expect_refusal(b, "MatMul_0");
}

TEST(OnnxQuantiseErrors, RoundingThatNoTypeHas) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").quant("x", "y", 1, 0, 4, true, false, "CEIL");
  expect_refusal(b, "rounding mode CEIL");
}

TEST(OnnxQuantiseErrors, NarrowUnsignedActivations) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").quant("x", "y", 1, 0, 4, false, true);
  expect_refusal(b, "narrow");
}

TEST(OnnxQuantiseErrors, DivisionByZeroAndOfConstants) {
  OnnxBuilder zero;
  zero.input("x", {1, 2}).output("y").constant("c", {2}, {1, 0}).node("Div", {"x", "c"}, {"y"});
  expect_refusal(zero, "divides by zero");
  OnnxBuilder swapped;
  swapped.input("x", {1, 2}).output("y").constant("c", {2}, {1, 1}).node("Div", {"c", "x"}, {"y"});
  expect_refusal(swapped, "division of a constant");
}

// Found by fuzzing: folding left float's range.
TEST(OnnxQuantiseErrors, FactorsBeyondAnyType) {
  OnnxBuilder b;
  b.input("x", {1, 1})
      .output("y")
      .constant("c", {1}, {3e38F})
      .node("Mul", {"x", "c"}, {"a"})
      .node("Mul", {"a", "c"}, {"y"});
  expect_refusal(b, "expected a number within");
}

// Found by fuzzing: 2^-126 as a scale made types of impossible width.
TEST(OnnxQuantiseErrors, ScalesBeyondAnyType) {
  OnnxBuilder b;
  b.input("x", {1, 1}).output("y").quant("x", "y", 1e-38F, 0, 4);
  expect_refusal(b, "scale");
}

TEST(OnnxQuantiseErrors, ConfigurationThatNamesNoLayer) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("c", {2}, {1, 2}).node("Add", {"x", "c"}, {"y"});
  const auto good = quantised(
      b, std::string(kAuto) +
             "\nLayerName: {Add_0: {Precision: {result: 'ap_fixed<20,8>'}}, Add_0_param0: {Precision: auto}}");
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->graph.output(0).type.to_string(), "[2] ap_fixed<20,8>");
  const auto bad = quantised(b, std::string(kAuto) + "\nLayerName: {Add_1: {Precision: auto}}");
  EXPECT_THAT(std::string(bad.status().message()), testing::AllOf(HasSubstr("Add_1"), HasSubstr("Add_0")));
}

TEST(OnnxQuantise, ConcatenationTakesTheWidestOfAnyNumberOfInputs) {
  OnnxBuilder one;
  one.input("x", {1, 2}).output("y").node("Relu", {"x"}, {"r"}).node("Concat", {"r"}, {"y"}).with("axis", int64_t{1});
  EXPECT_TRUE(quantised(one, kAuto).ok());
  OnnxBuilder three;  // the product needs more integer bits than the first two
  three.input("x", {1, 2}).output("y").node("Mul", {"x", "x"}, {"m"});
  three.node("Concat", {"x", "x", "m"}, {"y"}).with("axis", int64_t{1});
  const auto result = quantised(three, kAuto);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->graph.output(0).type.types[0].integer, 12);
}

TEST(OnnxQuantise, AQuantisersReadersEachSeeIt) {
  OnnxBuilder b;  // one product reads the rescaled tensor, an addition does too
  b.input("x", {1, 2}).output("y").constant("w", {2, 2}, {1, 0, 0, 1}).quant("x", "q", 0.3F, 0, 6);
  b.node("MatMul", {"q", "w"}, {"m"}).node("Add", {"m", "q"}, {"y"});
  for (const char* config : {"", kAuto}) EXPECT_TRUE(quantised(b, config).ok()) << quantised(b, config).status();
}

}  // namespace
}  // namespace strobe::quantise
