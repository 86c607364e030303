#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/import/onnx.h"
#include "tests/kernels/import/onnx_builder.h"

namespace strobe::import {
namespace {

using test::OnnxBuilder;
using testing::AllOf;
using testing::HasSubstr;

absl::Status refused(const OnnxBuilder& b) { return import_onnx_bytes(b.bytes(), "bad.onnx").status(); }

void expect_refusal(const OnnxBuilder& b, absl::StatusCode code, const testing::Matcher<std::string>& text) {
  absl::Status status = refused(b);
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("bad.onnx"), text));
}

std::string dense_bytes() {
  OnnxBuilder b;
  b.input("x", {1, 2})
      .output("y")
      .constant("w", {2, 3}, {1, 2, 3, 4, 5, 6})
      .node("MatMul", {"x", "w"}, {"h"})
      .node("Relu", {"h"}, {"y"});
  return b.bytes();
}

TEST(OnnxErrors, MissingFileAndFolder) {
  EXPECT_EQ(import_onnx("/nowhere/at/all.onnx").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(import_onnx("/").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(OnnxErrors, EmptyRandomAndTruncatedBytesAreRefused) {
  EXPECT_FALSE(import_onnx_bytes("", "empty.onnx").ok());
  std::string good = dense_bytes();
  ASSERT_TRUE(import_onnx_bytes(good, "good.onnx").ok());
  for (size_t n = 0; n < good.size(); ++n) (void)import_onnx_bytes(good.substr(0, n), "cut.onnx");
  EXPECT_FALSE(import_onnx_bytes(good.substr(0, good.size() / 2), "cut.onnx").ok());
  unsigned seed = 20240611;
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = good;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)import_onnx_bytes(damaged, "damaged.onnx");  // an error or a model, never a crash
  }
}

TEST(OnnxErrors, UnsupportedOperatorIsNamedWithTheSupportedOnes) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").node("Gelu", {"x"}, {"y"});
  expect_refusal(b, absl::StatusCode::kUnimplemented,
                 AllOf(HasSubstr("Gelu"), HasSubstr("MatMul"), HasSubstr("Softmax")));
  OnnxBuilder machine;
  machine.input("x", {1, 2}).output("y").node("SVMRegressor", {"x"}, {"y"}, "ai.onnx.ml");
  expect_refusal(machine, absl::StatusCode::kUnimplemented, HasSubstr("ai.onnx.ml"));
  OnnxBuilder tree;
  tree.input("x", {1, 2}).output("y").node("TreeEnsembleRegressor", {"x"}, {"y"}, "ai.onnx.ml");
  expect_refusal(tree, absl::StatusCode::kInvalidArgument, HasSubstr("has no node"));
}

TEST(OnnxErrors, ExternalDataIsRefusedWithTheRemedy) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").external("w", {2, 3}, "weights.bin").node("MatMul", {"x", "w"}, {"y"});
  expect_refusal(b, absl::StatusCode::kUnimplemented,
                 AllOf(HasSubstr("weights.bin"), HasSubstr("save_as_external_data=False")));
}

TEST(OnnxErrors, WeightsOfTheWrongShapeOrLength) {
  OnnxBuilder b;
  b.input("x", {1, 4}).output("y").constant("w", {2, 3}, {1, 2, 3, 4, 5, 6}).node("MatMul", {"x", "w"}, {"y"});
  expect_refusal(b, absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("[1, 4]"), HasSubstr("[2, 3]")));
  OnnxBuilder shorter;
  shorter.input("x", {1, 2}).output("y").constant("w", {2, 3}, {1, 2, 3}).node("MatMul", {"x", "w"}, {"y"});
  expect_refusal(shorter, absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("'w'"), HasSubstr("6 numbers")));
  OnnxBuilder huge;
  huge.input("x", {1, 2})
      .output("y")
      .constant("w", {int64_t{1} << 40, int64_t{1} << 40}, {})
      .node("Add", {"x", "w"}, {"y"});
  expect_refusal(huge, absl::StatusCode::kInvalidArgument, HasSubstr("impossible shape"));
  OnnxBuilder norm;
  norm.input("x", {1, 3})
      .output("y")
      .constant("c", {2}, {1, 2})
      .node("BatchNormalization", {"x", "c", "c", "c", "c"}, {"y"});
  expect_refusal(norm, absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("gamma has 2"), HasSubstr("3 channels")));
}

TEST(OnnxErrors, NanAndInfiniteWeights) {
  for (float bad : {std::nanf(""), INFINITY}) {
    OnnxBuilder b;
    b.input("x", {1, 1}).output("y").constant("w", {1, 2}, {1, bad}).node("MatMul", {"x", "w"}, {"y"});
    expect_refusal(b, absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("MatMul_0"), HasSubstr("element 1")));
  }
}

TEST(OnnxErrors, GraphsThatAreNoGraphs) {
  OnnxBuilder loop;
  loop.input("x", {1, 2}).output("y").node("Add", {"x", "y"}, {"a"}).node("Relu", {"a"}, {"y"});
  expect_refusal(loop, absl::StatusCode::kInvalidArgument, HasSubstr("depends on its own result"));
  OnnxBuilder dangling;
  dangling.input("x", {1, 2}).output("y").node("Add", {"x", "ghost"}, {"y"});
  expect_refusal(dangling, absl::StatusCode::kInvalidArgument, HasSubstr("'ghost'"));
  OnnxBuilder twice;
  twice.input("x", {1, 2}).output("y").node("Relu", {"x"}, {"y"}).node("Tanh", {"x"}, {"y"});
  expect_refusal(twice, absl::StatusCode::kInvalidArgument, HasSubstr("exists already"));
  OnnxBuilder nothing;
  nothing.input("x", {1, 2}).output("z").node("Relu", {"x"}, {"y"});
  expect_refusal(nothing, absl::StatusCode::kInvalidArgument, HasSubstr("output 'z'"));
}

TEST(OnnxErrors, InputsNeedABatchAxisAndStaticExtents) {
  OnnxBuilder flat;
  flat.input("x", {16}).output("y").node("Relu", {"x"}, {"y"});
  expect_refusal(flat, absl::StatusCode::kInvalidArgument, HasSubstr("batch axis"));
  OnnxBuilder open;
  open.input("x", {-1, -1}).output("y").node("Relu", {"x"}, {"y"});
  expect_refusal(open, absl::StatusCode::kInvalidArgument, HasSubstr("axis 1"));
}

TEST(OnnxErrors, MixingEventsOfABatch) {
  OnnxBuilder reshape;
  reshape.input("x", {1, 2, 3}).output("y").integers("t", {2}, {-1, 3}).node("Reshape", {"x", "t"}, {"y"});
  expect_refusal(reshape, absl::StatusCode::kUnimplemented, HasSubstr("batch axis"));
  OnnxBuilder swap;
  swap.input("x", {1, 1}).output("y").node("Transpose", {"x"}, {"y"});
  expect_refusal(swap, absl::StatusCode::kUnimplemented, HasSubstr("batch axis"));
}

TEST(OnnxErrors, ImpossibleQuantisers) {
  struct Case {
    float scale, bits;
    const char* mode;
    const char* text;
  };
  for (const Case& c :
       {Case{0, 4, "ROUND", "scale 0"}, Case{-1, 4, "ROUND", "scale -1"}, Case{1, 0, "ROUND", "width 0"},
        Case{1, 65, "ROUND", "width 65"}, Case{1, 4, "SIDEWAYS", "SIDEWAYS"}, Case{1, std::nanf(""), "ROUND", "nan"}}) {
    OnnxBuilder b;
    b.input("x", {1, 2}).output("y").quant("x", "y", c.scale, 0, c.bits, true, false, c.mode);
    absl::Status status = refused(b);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.text));
  }
}

// Found by fuzzing.
TEST(OnnxErrors, OutputsThatDependOnNoInput) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("c", {}, {1}).quant("c", "y", 1, 0, 4);
  expect_refusal(b, absl::StatusCode::kInvalidArgument, HasSubstr("depends on no input"));
}

// Found by fuzzing.
TEST(OnnxErrors, TransposedScalars) {
  OnnxBuilder b;
  b.input("x", {1, 2}).output("y").constant("c", {}, {3}).quant("c", "q", 1, 0, 4);
  b.node("Transpose", {"q"}, {"t"}).node("Add", {"x", "t"}, {"y"});
  EXPECT_TRUE(import_onnx_bytes(b.bytes(), "scalar.onnx").ok());
}

TEST(OnnxErrors, SmallFilesCannotAskForMuchMemory) {
  OnnxBuilder b;
  std::vector<float> ones(20000, 1.0F);
  b.input("x", {1, 1}).output("y").constant("r", {20000, 1}, ones).constant("c", {1, 20000}, ones);
  b.node("Mul", {"r", "c"}, {"p"}).node("Add", {"x", "p"}, {"y"});
  expect_refusal(b, absl::StatusCode::kInvalidArgument, HasSubstr("too large"));
}

}  // namespace
}  // namespace strobe::import
