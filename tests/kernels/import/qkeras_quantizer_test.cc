#include "kernels/import/qkeras_quantizer.h"

#include <gmock/gmock.h>

namespace strobe::import {
namespace {

using testing::HasSubstr;

UniformQuantizer parse(const Json& entry) {
  auto quantizer = parse_qkeras_quantizer(entry);
  EXPECT_TRUE(quantizer.ok()) << quantizer.status();
  EXPECT_TRUE(quantizer.ok() && quantizer->has_value());
  return quantizer.ok() && quantizer->has_value() ? **quantizer : UniformQuantizer{};
}

struct Rule {
  const char *text, *type, *activation;
  friend void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.text; }
};

class Format : public testing::TestWithParam<Rule> {};

// The first four are the types that hls4ml gives these quantisers.
INSTANTIATE_TEST_SUITE_P(
    QKeras, Format,
    testing::Values(Rule{"quantized_bits(6,0)", "ap_fixed<6,1,AP_RND_CONV,AP_SAT>", "linear"},
                    Rule{"quantized_relu(6,0)", "ap_ufixed<6,0,AP_RND_CONV,AP_SAT>", "relu"},
                    Rule{"quantized_tanh(6)", "ap_fixed<6,1,AP_RND_CONV,AP_SAT>", "hard_tanh"},
                    Rule{"quantized_sigmoid(6)", "ap_ufixed<6,0,AP_RND_CONV,AP_SAT>", "hard_sigmoid"},
                    Rule{"quantized_bits(4, 2, keep_negative=False)", "ap_ufixed<4,2,AP_RND_CONV,AP_SAT>", "linear"},
                    Rule{"quantized_bits(4,2,1)", "ap_fixed<4,3,AP_RND_CONV,AP_SAT_SYM>", "linear"},
                    Rule{"quantized_linear(5,1)", "ap_fixed<5,2,AP_RND_CONV,AP_SAT_SYM>", "linear"},
                    Rule{"quantized_relu(7,2,negative_slope=0.25)", "ap_fixed<7,3,AP_RND_CONV,AP_SAT>", "leaky_relu"},
                    Rule{"quantized_tanh(6, symmetric=True, use_real_tanh=True)",
                         "ap_fixed<6,1,AP_RND_CONV,AP_SAT_SYM>", "tanh"},
                    Rule{"quantized_bits()", "ap_fixed<8,1,AP_RND_CONV,AP_SAT>", "linear"},
                    Rule{"quantized_po2(4)", "ap_fixed<9,5,AP_RND_CONV,AP_SAT>", "linear"},
                    Rule{"ternary(alpha=1)", "ap_int<2>", "ternary_tanh"}, Rule{"binary", "ap_int<2>", "binary_tanh"},
                    Rule{"stochastic_binary()", "ap_int<2>", "binary_tanh"}));

TEST_P(Format, FollowsFromTheText) {
  const UniformQuantizer quantizer = parse(GetParam().text);
  EXPECT_EQ(quantizer.type.to_string(), GetParam().type);
  EXPECT_EQ(quantizer_activation(quantizer), GetParam().activation);
  EXPECT_EQ(quantizer.name, GetParam().text);
}

TEST(QkerasQuantizer, DictionaryKeepsEverySetting) {
  const UniformQuantizer quantizer = parse({{"class_name", "quantized_bits"},
                                            {"config",
                                             {{"bits", 5},
                                              {"integer", 2},
                                              {"alpha", "auto_po2"},
                                              {"symmetric", 0},
                                              {"keep_negative", true},
                                              {"post_training_scale", nullptr}}}});
  EXPECT_EQ(quantizer.name, "quantized_bits");
  EXPECT_EQ(quantizer.texts.at("alpha"), "auto_po2");
  EXPECT_EQ(quantizer.numbers.at("bits"), 5);
  EXPECT_EQ(quantizer.numbers.at("integer"), 2);
  EXPECT_EQ(quantizer.type.to_string(), "ap_fixed<5,3,AP_RND_CONV,AP_SAT>");
  EXPECT_EQ(parse("quantized_bits(4,0,alpha='auto')").texts.at("alpha"), "auto");
  EXPECT_EQ(parse("quantized_bits(4,0,alpha=0.5)").numbers.at("alpha"), 0.5);
}

TEST(QkerasQuantizer, KindsTellBinaryAndTernaryApart) {
  EXPECT_EQ(parse("binary(alpha=1)").kind, UniformQuantizer::Kind::kBinary);
  EXPECT_EQ(parse("stochastic_ternary()").kind, UniformQuantizer::Kind::kTernary);
  EXPECT_EQ(parse("ternary(threshold=0.4)").numbers.at("threshold"), 0.4);
}

TEST(QkerasQuantizer, NothingQuantisesNothing) {
  EXPECT_FALSE(parse_qkeras_quantizer(Json())->has_value());
  EXPECT_FALSE(parse_qkeras_quantizer("linear")->has_value());
  EXPECT_FALSE(is_qkeras_quantizer("relu"));
  EXPECT_TRUE(is_qkeras_quantizer("quantized_relu(3)"));
}

TEST(QkerasQuantizer, FlawsAreNamed) {
  for (const char* text :
       {"quantized_bits(0,0)", "quantized_bits(65,0)", "quantized_bits(2.5,0)", "quantized_bits(8,1e9)",
        "quantized_bits(6,0", "bernoulli(0.5)", "quantized_po2(30)", "quantized_tanh(1,2,3,4,5,6)"}) {
    const auto quantizer = parse_qkeras_quantizer(text);
    ASSERT_FALSE(quantizer.ok()) << text;
    EXPECT_THAT(std::string(quantizer.status().message()), HasSubstr(std::string(text).substr(0, 9))) << text;
  }
}

}  // namespace
}  // namespace strobe::import
