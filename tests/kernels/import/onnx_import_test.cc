#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/import/onnx.h"
#include "tests/kernels/import/onnx_builder.h"

namespace strobe::import {
namespace {

using test::OnnxBuilder;
using testing::ElementsAre;
using Ints = std::vector<int64_t>;

FloatModel read(const OnnxBuilder& builder) {
  absl::StatusOr<FloatModel> model = import_onnx_bytes(builder.bytes(), "model.onnx");
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : FloatModel{};
}

const FloatLayer& layer(const FloatModel& model, const std::string& name) {
  for (const FloatLayer& l : model.layers)
    if (l.name == name) return l;
  ADD_FAILURE() << "no layer " << name;
  static const FloatLayer kNone;
  return kNone;
}

std::vector<std::string> names(const FloatModel& model) {
  std::vector<std::string> out;
  for (const FloatLayer& l : model.layers) out.push_back(l.name);
  return out;
}

TEST(OnnxImport, SplitsGemmIntoMatMulAndAdd) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("w", {3, 2}, {1, 2, 3, 4, 5, 6}).constant("c", {3}, {7, 8, 9});
  b.node("Gemm", {"x", "w", "c"}, {"y"}).with("transB", int64_t{1}).with("beta", 2.0);
  FloatModel model = read(b);
  EXPECT_THAT(names(model), ElementsAre("global_in", "MatMul_0_param0", "MatMul_0", "Add_0_param0", "Add_0"));
  EXPECT_THAT(layer(model, "MatMul_0_param0").array("value")->data, ElementsAre(1, 3, 5, 2, 4, 6));
  EXPECT_THAT(layer(model, "Add_0_param0").array("value")->data, ElementsAre(14, 16, 18));
  EXPECT_THAT(layer(model, "Add_0").outputs, ElementsAre("global_out"));
}

TEST(OnnxImport, GemmAlphaScalesTheProduct) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("w", {2, 1}, {1, 2});
  b.node("Gemm", {"x", "w"}, {"y"}).with("alpha", 0.5);
  FloatModel model = read(b);
  EXPECT_THAT(names(model), ElementsAre("global_in", "MatMul_0_param0", "MatMul_0", "Mul_0_param0", "Mul_0"));
  EXPECT_THAT(layer(model, "Mul_0_param0").array("value")->data, ElementsAre(0.5));
}

TEST(OnnxImport, FoldsTheShapeArithmeticThatTorchWritesForFlatten) {
  OnnxBuilder b(9);
  b.input("x", {1, 2, 3}).output("y").integers("zero", {}, {0}).integers("minus", {1}, {-1});
  b.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "zero"}, {"n"}).with("axis", int64_t{0});
  b.node("Unsqueeze", {"n"}, {"n1"}).with("axes", Ints{0});
  b.node("Concat", {"n1", "minus"}, {"t"}).with("axis", int64_t{0}).node("Reshape", {"x", "t"}, {"y"});
  FloatModel model = read(b);
  EXPECT_THAT(names(model), ElementsAre("global_in", "Reshape_0"));
  EXPECT_EQ(layer(model, "Reshape_0").setting<Ints>("target_shape"), Ints({6}));
  EXPECT_THAT(layer(model, "Reshape_0").absorbed, ElementsAre("Reshape_0_param0"));
}

TEST(OnnxImport, KeepsQuantisersOnWeightsAndMovesTheTransposeBeforeThem) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("w", {3, 2}, {1, 2, 3, 4, 5, 6});
  b.constant("s", {3, 1}, {1, 2, 4}).constant("z", {}, {0}).constant("n", {}, {4});
  b.node("Quant", {"w", "s", "z", "n"}, {"wq"}, "onnx.brevitas").with("narrow", int64_t{1}).with("signed", int64_t{1});
  b.node("Transpose", {"wq"}, {"wt"}).with("perm", Ints{1, 0}).node("MatMul", {"x", "wt"}, {"y"});
  FloatModel model = read(b);
  EXPECT_THAT(names(model), ElementsAre("global_in", "Quant_0_param0", "Quant_0", "MatMul_0"));
  EXPECT_THAT(layer(model, "Quant_0_param0").array("value")->data, ElementsAre(1, 3, 5, 2, 4, 6));
  const auto& quantizer = std::get<UniformQuantizer>(layer(model, "Quant_0").quantizers.at("output"));
  EXPECT_EQ(quantizer.scale.shape, Ints({1, 3}));
  EXPECT_EQ(quantizer.numbers.at("narrow"), 1);
  EXPECT_EQ(quantizer.texts.at("rounding_mode"), "ROUND");
  EXPECT_EQ(model.framework, "qonnx");
}

TEST(OnnxImport, AWeightQuantiserSharedWithAndWithoutTransposeServesBoth) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("w", {2, 2}, {1, 2, 3, 4}).quant("w", "wq", 1, 0, 4);
  b.node("MatMul", {"x", "wq"}, {"h"}).node("Transpose", {"wq"}, {"wt"}).node("MatMul", {"h", "wt"}, {"y"});
  FloatModel model = read(b);
  const FloatLayer &first = layer(model, "MatMul_0"), &second = layer(model, "MatMul_1");
  ASSERT_NE(first.inputs[1], second.inputs[1]);
  auto weights = [&](const FloatLayer& m) {
    return layer(model, m.inputs[1].substr(0, m.inputs[1].size() - 5) + "_param0").array("value")->data;
  };
  EXPECT_THAT(weights(first), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(weights(second), ElementsAre(1, 3, 2, 4));
}

TEST(OnnxImport, GivesEachUseOfASharedConstantItsOwnName) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("c", {2}, {1, 2});
  b.node("Add", {"c", "x"}, {"h"}).node("Mul", {"h", "c"}, {"y"});
  FloatModel model = read(b);
  EXPECT_THAT(names(model), ElementsAre("global_in", "Add_0_param0", "Add_0", "Mul_0_param0", "Mul_0"));
  EXPECT_THAT(layer(model, "Add_0").inputs, ElementsAre("global_in", "Add_0_param0")) << "constants come last";
}

TEST(OnnxImport, NumbersNodesByDepthNotByTheOrderInTheFile) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("w", {2, 2}, {1, 2, 3, 4});
  b.node("Mul", {"q", "a"}, {"y"}).node("Relu", {"x"}, {"a"}).quant("a", "q", 1, 0, 4);
  FloatModel model = read(b);
  EXPECT_THAT(names(model), ElementsAre("global_in", "Relu_0", "Quant_0", "Mul_0"));
}

TEST(OnnxImport, DropsIdentityDropoutAndCast) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").node("Identity", {"x"}, {"a"}).node("Cast", {"a"}, {"b"}).with("to", int64_t{1});
  b.node("Relu", {"b"}, {"c"}).node("Dropout", {"c"}, {"d", "mask"}).node("Identity", {"d"}, {"y"});
  FloatModel model = read(b);
  EXPECT_THAT(names(model), ElementsAre("global_in", "Relu_0"));
  EXPECT_THAT(layer(model, "Relu_0").outputs, ElementsAre("global_out"));
}

TEST(OnnxImport, ReadsEveryElementType) {
  struct Case {
    int type;
    std::string bytes;
    double value;
  };
  auto bytes_of = [](auto v) { return std::string(reinterpret_cast<const char*>(&v), sizeof(v)); };
  const Case cases[] = {{1, bytes_of(1.5F), 1.5},
                        {11, bytes_of(-0.1), -0.1},
                        {10, bytes_of(uint16_t{0xC100}), -2.5},
                        {10, bytes_of(uint16_t{0x0001}), std::ldexp(1.0, -24)},
                        {16, bytes_of(uint16_t{0x3FC0}), 1.5},
                        {2, bytes_of(uint8_t{200}), 200},
                        {3, bytes_of(int8_t{-3}), -3},
                        {4, bytes_of(uint16_t{65535}), 65535},
                        {5, bytes_of(int16_t{-300}), -300},
                        {6, bytes_of(int32_t{-70000}), -70000},
                        {7, bytes_of(int64_t{1} << 40), std::ldexp(1.0, 40)},
                        {9, bytes_of(uint8_t{1}), 1},
                        {12, bytes_of(uint32_t{4000000000}), 4e9},
                        {13, bytes_of(uint64_t{5}), 5}};
  for (const Case& c : cases) {
    OnnxBuilder b;
    b.input("x", {1, 1}).output("y").raw("c", {1}, c.type, c.bytes).node("Add", {"x", "c"}, {"y"});
    EXPECT_THAT(layer(read(b), "Add_0_param0").array("value")->data, ElementsAre(c.value)) << "element type " << c.type;
  }
}

TEST(OnnxImport, RemovesTransposePairsAroundBatchNormalisation) {
  OnnxBuilder b(7);
  b.input("x", {1, 2}).output("y").constant("c", {2}, {1, 2});
  b.node("Transpose", {"x"}, {"a"})
      .node("BatchNormalization", {"a", "c", "c", "c", "c"}, {"n"})
      .node("Transpose", {"n"}, {"t"});
  b.node("Relu", {"t"}, {"y"});
  FloatModel model = read(b);
  EXPECT_THAT(names(model), ElementsAre("global_in", "BatchNormalization_0", "Relu_0"));
  EXPECT_NEAR(*layer(model, "BatchNormalization_0").setting<double>("epsilon"), 1e-5, 1e-9);
}

TEST(OnnxImport, ActivationsCarryTheirParametersAndDefaults) {
  OnnxBuilder b;
  b.input("x", {1, 2})
      .output("y")
      .constant("six", {}, {6})
      .constant("zero", {}, {0})
      .constant("slope", {1, 2}, {0.5, 0.25});
  b.node("LeakyRelu", {"x"}, {"a"})
      .with("alpha", 0.3)
      .node("Elu", {"a"}, {"b"})
      .node("Clip", {"b", "zero", "six"}, {"c"});
  b.node("PRelu", {"c", "slope"}, {"d"}).node("HardSigmoid", {"d"}, {"e"}).node("Softmax", {"e"}, {"y"});
  FloatModel model = read(b);
  EXPECT_FLOAT_EQ(*layer(model, "LeakyRelu_0").setting<double>("alpha"), 0.3F);
  EXPECT_EQ(layer(model, "Elu_0").setting<double>("alpha"), 1.0);
  EXPECT_EQ(layer(model, "Clip_0").setting<std::string>("activation"), "relu");
  EXPECT_EQ(layer(model, "Clip_0").setting<double>("max_value"), 6.0);
  EXPECT_THAT(layer(model, "PRelu_0").array("alpha")->data, ElementsAre(0.5, 0.25));
  EXPECT_FLOAT_EQ(*layer(model, "HardSigmoid_0").setting<double>("alpha"), 0.2F);
  EXPECT_EQ(layer(model, "Softmax_0").setting<int64_t>("axis"), -1);
}

TEST(OnnxImport, BranchesJoinAndSeveralInputsAndOutputsAreNamed) {
  OnnxBuilder b;
  b.input("p", {-1, 3}).input("q", {-1, 3}).output("sum").output("both");
  b.node("Add", {"p", "q"}, {"sum"}).node("Concat", {"p", "q"}, {"both"}).with("axis", int64_t{1});
  FloatModel model = read(b);
  ASSERT_EQ(model.inputs.size(), 2u);
  EXPECT_EQ(model.inputs[1].name, "global_in_1");
  EXPECT_EQ(model.outputs[1].name, "global_out_1");
  EXPECT_EQ(model.outputs[1].shape, Ints({6}));
  EXPECT_EQ(layer(model, "Concat_0").setting<int64_t>("axis"), -1);
}

TEST(OnnxImport, TakesAFixedBatchExtentInReshapeForTheBatchAxis) {
  OnnxBuilder b;
  b.input("x", {8, 2, 3}).output("y").integers("t", {2}, {8, 6}).node("Reshape", {"x", "t"}, {"y"});
  EXPECT_EQ(read(b).outputs[0].shape, Ints({6}));
}

TEST(OnnxImport, TruncKeepsItsWidths) {
  OnnxBuilder b;
  b.input("x", {1, 2})
      .output("y")
      .constant("s", {}, {0.5})
      .constant("z", {}, {0})
      .constant("i", {}, {8})
      .constant("o", {}, {4});
  b.node("Trunc", {"x", "s", "z", "i", "o"}, {"y"}, "qonnx.custom_op.general");
  FloatModel model = read(b);
  const auto& quantizer = std::get<UniformQuantizer>(layer(model, "Trunc_0").quantizers.at("output"));
  EXPECT_EQ(quantizer.name, "Trunc");
  EXPECT_THAT(quantizer.bits.data, ElementsAre(8));
  EXPECT_EQ(quantizer.numbers.at("out_bits"), 4);
  EXPECT_EQ(quantizer.texts.at("rounding_mode"), "FLOOR");
}

}  // namespace
}  // namespace strobe::import
