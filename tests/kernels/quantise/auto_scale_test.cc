#include "kernels/import/auto_scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/import/float_reference.h"
#include "tests/kernels/quantise/golden.h"

/// QKeras' quantized_bits with alpha "auto" and "auto_po2".
namespace strobe {
namespace {

using import::FloatLayer;
using import::UniformQuantizer;
using model::FixedType;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

/// [6, 3], the second column small, the third large.
const std::vector<float> kKernel = {-0.321F, -0.053F, -0.298F, 0.168F,  0.045F, 0.132F, -0.221F, -0.031F, 0.898F,
                                    0.654F,  0.011F,  -1.48F,  -0.383F, 0.064F, 0.243F, -0.693F, -0.003F, -1.396F};

UniformQuantizer quantizer(int bits, int integer, const std::string& alpha) {
  UniformQuantizer q;
  q.name = "quantized_bits";
  q.texts["alpha"] = alpha;
  q.type = FixedType::fixed(bits, integer + 1, model::Rounding::kRndConv, model::Overflow::kSat);
  return q;
}

struct Answer {
  int bits, integer;
  const char* alpha;
  std::vector<int> raw;
  std::vector<float> scale;
};

class AutoScale : public ::testing::TestWithParam<Answer> {};

/// Answers of numpy in float32, step by step as QKeras 0.9 computes them.
INSTANTIATE_TEST_SUITE_P(
    QKeras, AutoScale,
    ::testing::Values(
        Answer{4,
               0,
               "auto",
               {-3, -6, -1, 2, 5, 1, -2, -3, 4, 7, 1, -7, -4, 7, 1, -7, 0, -7},
               {0.792F, 0.073142864F, 1.6914285F}},
        Answer{4, 0, "auto_po2", {-3, -7, -1, 1, 6, 1, -2, -4, 4, 5, 1, -6, -3, 7, 1, -6, 0, -6}, {1, 0.0625F, 2}},
        Answer{3, 1, "auto_po2", {-1, -3, -1, 1, 3, 0, -1, -2, 2, 3, 1, -3, -2, 3, 0, -3, 0, -3}, {0.5F, 0.03125F, 1}},
        Answer{6,
               0,
               "auto",
               {-14, -26, -6, 8, 22, 3, -10, -15, 19, 29, 5, -31, -17, 31, 5, -31, -1, -29},
               {0.71535486F, 0.06606452F, 1.5277419F}}));

TEST_P(AutoScale, FollowsFromTheWeights) {
  const Answer& answer = GetParam();
  const import::AutoScaled found = import::auto_scale(quantizer(answer.bits, answer.integer, answer.alpha), kKernel, 3);
  std::vector<int> raw;
  for (const float v : found.values) raw.push_back(static_cast<int>(std::ldexp(v, answer.bits - 1 - answer.integer)));
  EXPECT_THAT(raw, ElementsAreArray(answer.raw));
  ASSERT_EQ(found.scale.size(), 3U);
  for (size_t c = 0; c < 3; ++c) EXPECT_FLOAT_EQ(found.scale[c], answer.scale[c]);
}

TEST(AutoScale, AChannelOfZerosStaysZero) {
  const std::vector<float> weights = {0, 0.5F, 0, -0.25F};
  for (const char* alpha : {"auto", "auto_po2"}) {
    const auto found = import::auto_scale(quantizer(4, 0, alpha), weights, 2);
    EXPECT_EQ(found.values[0], 0);
    EXPECT_EQ(found.values[2], 0);
    EXPECT_TRUE(std::isfinite(found.scale[0]));
  }
}

import::FloatModel dense_network(UniformQuantizer kernel, const std::string& activation){import::FloatModel network;
network.name = "auto_scale";
network.framework = "keras3";
network.inputs = {{"x", {6}}};
network.outputs = {{"fc", {3}}};
FloatLayer input, fc;
input.name = "x";
input.kind = "Input";
input.outputs = {"x"};
input.settings["shape"] = std::vector<int64_t>{6};
fc.name = "fc";
fc.kind = "Dense";
fc.class_name = "QDense";
fc.inputs = {"x"};
fc.outputs = {"fc"};
fc.arrays["kernel"] = {{6, 3}, {kKernel.begin(), kKernel.end()}};
fc.arrays["bias"] = {{3}, {0.5, -0.25, 1}};
fc.settings["activation"] = activation;
fc.quantizers["kernel"] = std::move(kernel);
network.layers = {input, fc};
return network;
}  // namespace

TEST(AutoScale, NetworksFollowFloatingPoint) {
  std::vector<double> x;
  for (int i = 0; i < 6 * 50; ++i) x.push_back(static_cast<double>((i * 37) % 129 - 64) / 16);
  for (const char* alpha : {"auto", "auto_po2"}) {
    for (const char* activation : {"linear", "relu"}) {
      for (const char* config : {"", "Model: {Precision: {default: 'ap_fixed<24,8>'}}"}) {
        SCOPED_TRACE(::testing::Message() << alpha << " " << activation << " " << config);
        const auto network = dense_network(quantizer(4, 0, alpha), activation);
        const auto run = testing::run_network(network, {config, "", FixedType::fixed(12, 6)}, {{x, 50}});
        ASSERT_TRUE(run.ok()) << run.status();
        EXPECT_TRUE(run->graph.find_tensor("fc") && run->graph.find_tensor("fc_alpha")) << model::print(run->graph);
        const auto floating = import::evaluate_float(network, {x}, 50);
        ASSERT_TRUE(floating.ok()) << floating.status();
        EXPECT_NE(floating->find("fc_alpha"), nullptr);
        EXPECT_EQ(floating->find("fc"), nullptr);
        const std::vector<double> y = run->outputs();
        for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], floating->output(0).values[i], 0.002) << i;
      }
    }
  }
}

TEST(AutoScale, OtherQuantisersWithItAreRefusedByName) {
  UniformQuantizer binary = quantizer(2, 0, "auto");
  binary.name = "binary";
  binary.kind = UniformQuantizer::Kind::kBinary;
  const auto result = quantise::quantise(dense_network(binary, "linear"), {});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("layer 'fc' (QDense): kernel: quantiser binary"));
}

}  // namespace strobe
}  // namespace strobe
