#include "kernels/import/float_reference.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "host/io/files.h"
#include "import_fixture.h"

namespace strobe::import {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string own(const std::string& name) { return std::string(STROBE_SOURCE_DIR) + "/tests/data/" + name; }

using Arrays = std::map<std::string, io::Array>;

Arrays read_arrays(const std::string& path) {
  auto arrays = io::read_npz(path);
  EXPECT_TRUE(arrays.ok()) << arrays.status();
  Arrays by_name;
  for (const auto& named : arrays.ok() ? *arrays : std::vector<io::NamedArray>()) by_name[named.name] = named.array;
  return by_name;
}

std::vector<double> read_npy(const std::string& path) {
  auto array = io::read_npy(path);
  EXPECT_TRUE(array.ok()) << array.status();
  return array.ok() ? array->numbers() : std::vector<double>();
}

/// Raw integers with `fraction` fraction bits as numbers.
std::vector<double> scaled(std::vector<double> raw, int fraction) {
  for (double& v : raw) v = std::ldexp(v, -fraction);
  return raw;
}

FloatModel must_import(const std::string& path, const std::string& weights = "") {
  auto model = import_model(path, {weights});
  EXPECT_TRUE(model.ok()) << path << ": " << model.status();
  return model.ok() ? *std::move(model) : FloatModel{};
}

FloatEvaluation must_evaluate(const FloatModel& model, const std::vector<std::vector<double>>& inputs, size_t rows) {
  auto result = evaluate_float(model, {inputs.begin(), inputs.end()}, rows);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : FloatEvaluation{};
}

/// All outputs of an event side by side, event after event.
std::vector<double> joined_outputs(const FloatEvaluation& result) {
  std::vector<double> joined;
  for (size_t r = 0; r < result.rows; ++r) {
    for (const size_t o : result.outputs) {
      const auto& values = result.steps[o].values;
      const size_t row = values.size() / result.rows;
      joined.insert(joined.end(), values.begin() + static_cast<std::ptrdiff_t>(r * row),
                    values.begin() + static_cast<std::ptrdiff_t>((r + 1) * row));
    }
  }
  return joined;
}

struct Difference {
  double largest = 0;
  size_t beyond = 0;  ///< values further away than `tolerance`
};

Difference compare(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  Difference difference;
  EXPECT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
    const double d = std::abs(found[i] - expected[i]);
    if (!(d <= difference.largest)) difference.largest = d;
    if (!(d <= tolerance * std::max(1.0, std::abs(expected[i])))) ++difference.beyond;
  }
  return difference;
}

void expect_close(const std::vector<double>& found, const std::vector<double>& expected, double tolerance,
                  size_t allowed = 0) {
  const Difference difference = compare(found, expected, tolerance);
  EXPECT_LE(difference.beyond, allowed) << "largest difference " << difference.largest << " of " << expected.size()
                                        << " values";
}

/// Events of an expected file of hls4ml's, or the jets where it has none.
std::vector<std::vector<double>> events_of(const Arrays& arrays) {
  const auto first = arrays.find("input_raw");
  if (first == arrays.end()) return {scaled(read_npy(shared_data() + "/jets/features_fixed16_6.npy"), 10)};
  std::vector<std::vector<double>> inputs;
  const int fraction = static_cast<int>(arrays.at("input_frac_bits").number(0));
  inputs.push_back(scaled(first->second.numbers(), fraction));
  for (int i = 1; arrays.contains("input_raw_" + std::to_string(i)); ++i) {
    inputs.push_back(scaled(arrays.at("input_raw_" + std::to_string(i)).numbers(), fraction));
  }
  return inputs;
}

struct Published {
  const char *model, *weights, *expected;
  double tolerance;
  size_t allowed;  ///< values that one rounding of a trained quantiser on the other side of a tie may move
};

void check_published(const Published& published) {
  SCOPED_TRACE(published.expected);
  const FloatModel model =
      must_import(model_path(published.model), *published.weights == '\0' ? "" : model_path(published.weights));
  const Arrays arrays = read_arrays(model_path(published.expected));
  ASSERT_TRUE(arrays.contains("framework_output"));
  const io::Array& expected = arrays.at("framework_output");
  const FloatEvaluation result = must_evaluate(model, events_of(arrays), static_cast<size_t>(expected.rows()));
  expect_close(joined_outputs(result), expected.numbers(), published.tolerance, published.allowed);
}

TEST(FloatReference, GivesWhatKerasAndQKerasGive) {
  NEED_SHARED_DATA();
  const Published kNetworks[] = {
      {"keras/KERAS_3layer.json", "keras/KERAS_3layer_weights.h5", "keras/expected/KERAS_3layer__default.npz", 1e-5, 0},
      {"keras/qkeras_3layer.json", "keras/qkeras_3layer_weights.h5", "keras/expected/qkeras_3layer__auto.npz", 1e-6, 0},
      {"keras/KERAS_3layer_binary_smaller.json", "keras/KERAS_3layer_binary_smaller_weights.h5",
       "keras/expected/KERAS_3layer_binary_smaller__default.npz", 1e-5, 0},
      {"keras/KERAS_3layer_ternary_small.json", "keras/KERAS_3layer_ternary_small_weights.h5",
       "keras/expected/KERAS_3layer_ternary_small__default.npz", 1e-5, 0},
  };
  for (const Published& network : kNetworks) check_published(network);
}

TEST(FloatReference, GivesWhatOnnxruntimeAndQonnxGive) {
  NEED_SHARED_DATA();
  const Published kNetworks[] = {
      {"onnx/three_layer_bn_keras.onnx", "", "onnx/expected/three_layer_bn_keras__default.npz", 1e-5, 0},
      {"onnx/dense_big_keras.onnx", "", "onnx/expected/dense_big_keras__default.npz", 1e-5, 0},
      {"onnx/bnn_model_fc_1layer.onnx", "", "onnx/expected/bnn_model_fc_1layer__auto.npz", 1e-5, 0},
      {"qonnx/qkeras_jettagging.onnx", "", "qonnx/expected/qkeras_jettagging__auto.npz", 1e-6, 0},
      {"qonnx/TFC_2W2A.onnx", "", "qonnx/expected/TFC_2W2A__auto.npz", 1e-5, 0},
  };
  for (const Published& network : kNetworks) check_published(network);
}

/// Every one-layer network that can be imported, against Keras.
TEST(FloatReference, GivesWhatKerasGivesLayerByLayer) {
  NEED_SHARED_DATA();
  size_t checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(model_path("layers"))) {
    if (entry.path().extension() != ".keras") continue;
    const std::string name = entry.path().stem();
    const std::string expected = "layers/expected/" + name + "__default.npz";
    if (!std::filesystem::exists(model_path(expected)) || !import_model(entry.path()).ok()) continue;
    const std::string file = "layers/" + name + ".keras";
    check_published({file.c_str(), "", expected.c_str(), 2e-6, 0});
    ++checked;
  }
  EXPECT_GE(checked, 30u);
}

/// HGQ2's answers are exact numbers: nothing may differ, in the outputs and after each layer.
void check_hgq(const std::string& path, const Arrays& arrays, const std::vector<std::vector<double>>& inputs) {
  SCOPED_TRACE(path);
  const FloatModel model = must_import(path);
  const io::Array& expected = arrays.at("keras_output");
  const FloatEvaluation result = must_evaluate(model, inputs, static_cast<size_t>(expected.rows()));
  expect_close(joined_outputs(result), expected.numbers(), 0);
  for (const auto& [name, array] : arrays) {
    if (!name.starts_with("layer/")) continue;
    SCOPED_TRACE(name);
    const std::string layer = name.substr(6);
    const FloatStep* step = result.find(layer + "_output");
    if (step == nullptr) step = result.find(layer);
    ASSERT_NE(step, nullptr);
    const std::vector<double> values(step->values.begin(), step->values.begin() + array.elements());
    expect_close(values, array.numbers(), 0);
  }
}

TEST(FloatReference, GivesWhatHgqGivesInEveryBit) {
  NEED_SHARED_DATA();
  for (const char* size : {"530", "2571", "13285"}) {
    const std::string name = std::string("jsc_openml_ebops") + size;
    check_hgq(model_path("hgq/" + name + ".keras"), read_arrays(model_path("hgq/expected/" + name + ".npz")),
              {scaled(read_npy(shared_data() + "/jets/features_fixed16_6.npy"), 10)});
  }
}

TEST(FloatReference, GivesWhatHgqGivesLayerByLayer) {
  NEED_SHARED_DATA();
  size_t checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(model_path("hgq/layers"))) {
    if (entry.path().extension() != ".keras" || !import_model(entry.path()).ok()) continue;
    const Arrays arrays = read_arrays(model_path("hgq/layers/expected/" + entry.path().stem().string() + ".npz"));
    std::vector<std::vector<double>> inputs;
    if (arrays.contains("input")) inputs.push_back(arrays.at("input").numbers());
    for (int i = 0; arrays.contains("input_" + std::to_string(i)); ++i)
      inputs.push_back(arrays.at("input_" + std::to_string(i)).numbers());
    check_hgq(entry.path(), arrays, inputs);
    ++checked;
  }
  EXPECT_GE(checked, 10u);
}

TEST(FloatReference, GivesTheScoresOfTheOwnJetNetworks) {
  const std::vector<double> features = scaled(read_npy(own("jets/features.npy")), 10);
  for (const auto& [network, scores, tolerance] :
       {std::tuple{"jets_float", "expected_float", 1e-6}, std::tuple{"jets_hgq", "expected_hgq", 0.0}}) {
    SCOPED_TRACE(network);
    const FloatModel model = must_import(own(std::string("jets/") + network + ".keras"));
    const FloatEvaluation result = must_evaluate(model, {features}, 4000);
    expect_close(joined_outputs(result), read_npy(own(std::string("jets/") + scores + ".npy")), tolerance);
  }
}

TEST(FloatReference, TakesInputsAndOutputsByTheModelsOrder) {
  const FloatModel model = must_import(own("two_branch/two_branch.keras"));
  const Arrays events = read_arrays(own("two_branch/events.npz")),
               expected = read_arrays(own("two_branch/expected.npz"));
  std::vector<std::vector<double>> inputs;
  for (const FloatTensor& input : model.inputs) inputs.push_back(events.at(input.name).numbers());
  const FloatEvaluation result = must_evaluate(model, inputs, 64);
  ASSERT_EQ(result.outputs.size(), model.outputs.size());
  for (size_t o = 0; o < model.outputs.size(); ++o) {
    SCOPED_TRACE(model.outputs[o].name);
    const auto& values = result.output(o).values;
    expect_close({values.begin(), values.end()}, expected.at(model.outputs[o].name).numbers(), 1e-6);
  }
}

TEST(FloatReference, GivesWhatQonnxGivesOnTheOwnNetworks) {
  size_t checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(own("onnx"))) {
    if (entry.path().extension() != ".onnx") continue;
    SCOPED_TRACE(entry.path());
    const Arrays arrays = read_arrays(own("onnx/" + entry.path().stem().string() + ".npz"));
    const io::Array& expected = arrays.at("output");
    const FloatEvaluation result =
        must_evaluate(must_import(entry.path()), events_of(arrays), static_cast<size_t>(expected.rows()));
    expect_close(joined_outputs(result), expected.numbers(), 1e-5);
    ++checked;
  }
  EXPECT_GE(checked, 8u);
}

FloatModel one_layer(FloatLayer layer, std::vector<int64_t> shape) {
  FloatModel model;
  model.inputs = {{"x", std::move(shape)}};
  model.outputs = {{layer.name, {}}};
  model.layers.push_back({.name = "x", .kind = "Input", .class_name = "InputLayer", .inputs = {}, .outputs = {"x"}});
  layer.inputs = {"x"};
  layer.outputs = {layer.name};
  model.layers.push_back(std::move(layer));
  return model;
}

std::vector<float> values_of(const FloatModel& model, const std::vector<double>& input, size_t rows) {
  const FloatEvaluation result = must_evaluate(model, {input}, rows);
  return result.outputs.empty() ? std::vector<float>() : result.output(0).values;
}

FloatLayer function(const std::string& name) {
  FloatLayer layer{.name = "act", .kind = "Activation", .class_name = "Activation"};
  layer.settings["activation"] = name;
  return layer;
}

TEST(FloatReference, ReluHasCeilingThresholdAndSlope) {
  FloatLayer relu = function("leaky_relu");
  relu.settings["alpha"] = 0.5;
  relu.settings["max_value"] = 4.0;
  relu.settings["threshold"] = 1.0;
  EXPECT_EQ(values_of(one_layer(relu, {5}), {-1, 0, 1, 3, 9}, 1), (std::vector<float>{-1, -0.5F, 1, 3, 4}));
}

TEST(FloatReference, FunctionsOfTheVocabularyAreRight) {
  const std::tuple<const char*, double, double> kCases[] = {{"gelu", 1.0, 0.8413447460685429},
                                                            {"silu", -2.0, -0.2384058440442351},
                                                            {"exponential", 1.5, 4.4816890703380645},
                                                            {"hard_silu", 1.0, 2.0 / 3.0},
                                                            {"softplus", 40.0, 40.0},
                                                            {"softplus", -1.0, 0.31326168751822286},
                                                            {"selu", -1.0, -1.1113307378125625},
                                                            {"softsign", -3.0, -0.75},
                                                            {"hard_tanh", 1.5, 1.0},
                                                            {"binary_tanh", 0.0, -1.0},
                                                            {"ternary_tanh", -0.5, -1.0},
                                                            {"thresholded_relu", 1.0, 0.0}};
  for (const auto& [name, x, y] : kCases) {
    EXPECT_NEAR(values_of(one_layer(function(name), {1}), {x}, 1).at(0), y, 1e-6 * std::max(1.0, std::abs(y))) << name;
  }
}

TEST(FloatReference, SoftmaxOfWideLogitsNeitherOverflowsNorCollapses) {
  const auto values = values_of(one_layer(function("softmax"), {2}), {1000, 999, -1000, 1000}, 2);
  EXPECT_NEAR(values.at(0), 0.7310586, 1e-6);
  EXPECT_EQ(values.at(3), 1);
}

TEST(FloatReference, FusedActivationGivesAStepOfItsOwn) {
  FloatLayer dense{.name = "fc", .kind = "Dense", .class_name = "Dense"};
  dense.settings["activation"] = std::string("relu");
  dense.arrays["kernel"] = {{2, 1}, {1, -1}};
  const FloatEvaluation result = must_evaluate(one_layer(dense, {2}), {{1, 3, 5, 2}}, 2);
  ASSERT_NE(result.find("fc_relu"), nullptr);
  EXPECT_EQ(result.find("fc")->values, (std::vector<float>{-2, 3}));
  EXPECT_EQ(result.find("fc_relu")->values, (std::vector<float>{0, 3}));
  EXPECT_EQ(&result.output(0), result.find("fc_relu"));
}

TEST(FloatReference, QKerasBatchNormalisationIsFoldedBeforeTheKernelIsQuantised) {
  FloatLayer dense{.name = "fc", .kind = "Dense", .class_name = "QDenseBatchnorm"};
  dense.arrays = {{"kernel", {{1, 1}, {0.5}}}, {"bias", {{1}, {1}}},        {"gamma", {{1}, {3}}},
                  {"beta", {{1}, {0.25}}},     {"moving_mean", {{1}, {2}}}, {"moving_variance", {{1}, {4}}}};
  dense.settings["epsilon"] = 0.0;
  UniformQuantizer quarters;
  quarters.type = model::FixedType::fixed(5, 3, model::Rounding::kRndConv, model::Overflow::kSat);
  quarters.name = "quantized_bits(5,2)";
  dense.quantizers["kernel"] = quarters;
  // Scale 1.5: kernel 0.75 stays, bias 1.5 * (1 - 2) + 0.25.
  EXPECT_EQ(values_of(one_layer(dense, {1}), {2}, 1), (std::vector<float>{0.25F}));
}

TEST(FloatReference, WrongNumberOfValuesIsNamed) {
  const FloatModel model = one_layer(function("relu"), {4});
  const std::vector<double> numbers(7, 0.0);
  EXPECT_THAT(std::string(evaluate_float(model, {numbers}, 2).status().message()),
              AllOf(HasSubstr("'x'"), HasSubstr("8"), HasSubstr("7")));
  EXPECT_THAT(std::string(evaluate_float(model, {}, 2).status().message()), HasSubstr("1 inputs, found 0"));
}

TEST(FloatReference, UnknownFunctionNamesTheLayer) {
  const std::vector<double> numbers(4, 0.0);
  const auto result = evaluate_float(one_layer(function("fancy"), {4}), {numbers}, 1);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(result.status().message()), AllOf(HasSubstr("'act'"), HasSubstr("fancy")));
}

TEST(FloatReference, BinaryScaleThatDependsOnTheWeightsIsRefused) {
  FloatLayer dense{.name = "fc", .kind = "Dense", .class_name = "QDense"};
  dense.arrays["kernel"] = {{1, 1}, {0.5}};
  UniformQuantizer quantizer;
  quantizer.name = "binary";
  quantizer.kind = UniformQuantizer::Kind::kBinary;
  quantizer.texts["alpha"] = "auto_po2";
  dense.quantizers["kernel"] = quantizer;
  const std::vector<double> one = {1};
  EXPECT_THAT(std::string(evaluate_float(one_layer(dense, {1}), {one}, 1).status().message()),
              AllOf(HasSubstr("'fc'"), HasSubstr("auto_po2")));
}

}  // namespace
}  // namespace strobe::import
