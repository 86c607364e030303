#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/quantise.h"

/// A configuration's table sizes and scale of softmaxes, as hls4ml 1.3 follows them.
namespace strobe::quantise {
namespace {

using model::FixedType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Quantised with_config(const std::string& softmax, const std::string& type = "ap_fixed<16,6>") {
  import::FloatModel network;
  network.name = "softmax";
  network.framework = "keras3";
  network.inputs = {{"x", {4}}};
  network.outputs = {{"scores", {4}}};
  import::FloatLayer input;
  input.kind = "Input";
  input.name = "x";
  input.outputs = {"x"};
  input.settings["shape"] = std::vector<int64_t>{4};
  import::FloatLayer scores;
  scores.name = "scores";
  scores.kind = "Activation";
  scores.inputs = {"x"};
  scores.outputs = {"scores"};
  scores.settings["activation"] = std::string("softmax");
  network.layers = {input, scores};
  QuantiseOptions options;
  options.config = absl::StrCat("Model: {Precision: '", type, "'}\nLayerName: {", softmax, "}");
  auto result = quantise(network, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

const model::Constant& table(const Quantised& result, const char* name) {
  return *result.graph.nodes().back().constant(name);
}

TEST(SoftmaxSettings, TableSizesOfTheirOwnAreFollowed) {
  const Quantised latency =
      with_config("scores: {Implementation: latency, ExpTableSize: 256, InvTableSize: 512, TableSize: 2048}");
  EXPECT_EQ(table(latency, "exp_table").raw.size(), 256U);
  EXPECT_EQ(table(latency, "inv_table").raw.size(), 512U);
  EXPECT_THAT(latency.without_effect, IsEmpty());
  const Quantised legacy = with_config("scores: {Implementation: legacy, ExpTableSize: 256, InvTableSize: 512}");
  EXPECT_EQ(table(legacy, "exp_table").raw.size(), 256U);
  EXPECT_EQ(table(legacy, "inv_table").raw.size(), 512U);
}

TEST(SoftmaxSettings, StableWithSignedInputsSizesItsExponentialsByTheInverse) {
  const Quantised result = with_config("scores: {ExpTableSize: 256, InvTableSize: 512}");
  EXPECT_EQ(table(result, "exp_table").raw.size(), 512U);
  EXPECT_EQ(table(result, "inv_table").raw.size(), 512U);
  EXPECT_THAT(result.without_effect, ElementsAre("LayerName.scores.ExpTableSize"));
  const Quantised positive = with_config("scores: {ExpTableSize: 256}", "ap_ufixed<16,6>");
  EXPECT_EQ(table(positive, "exp_table").raw.size(), 256U);
  EXPECT_EQ(table(positive, "inv_table").raw.size(), 1024U);
  EXPECT_THAT(positive.without_effect, IsEmpty());
}

TEST(SoftmaxSettings, ScaleIsInTheExponentials) {
  const Quantised result = with_config("scores: {ExpScale: 0.25, exp_table_t: 'ap_ufixed<18,1,AP_RND,AP_SAT>'}");
  const model::Constant& entries = table(result, "exp_table");
  const FixedType& type = entries.type.types[0];
  for (size_t i = 0; i < entries.raw.size(); ++i) {
    const double distance = static_cast<double>(i) * 32 / 1024;  // the top 10 bits of ap_ufixed<15,5>
    EXPECT_NEAR(model::to_double(entries.raw[i], type), std::exp(-0.25 * distance), type.step()) << i;
  }
  EXPECT_THAT(result.without_effect, IsEmpty());
}

TEST(SoftmaxSettings, AreListedWhereNothingReadsThem) {
  EXPECT_THAT(with_config("scores: {Implementation: argmax, ExpScale: 2, InvTableSize: 512}").without_effect,
              ElementsAre("LayerName.scores.ExpScale", "LayerName.scores.InvTableSize"));
  EXPECT_THAT(with_config("x: {ExpScale: 2}").without_effect, ElementsAre("LayerName.x.ExpScale"));
}

TEST(SoftmaxSettings, AScaleIsANumber) {
  QuantiseOptions options;
  options.config = "Model: {Precision: 'ap_fixed<16,6>'}\nLayerType: {Softmax: {ExpScale: much}}";
  const auto result = quantise({}, options);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), ::testing::HasSubstr("ExpScale: expected a number"));
}

}  // namespace
}  // namespace strobe::quantise
