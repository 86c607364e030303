#include <gmock/gmock.h>

#include "import_fixture.h"
#include "kernels/import/keras.h"
#include "kernels/import/keras_config.h"

namespace strobe::import {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string fixture(const std::string& name) { return std::string(STROBE_SOURCE_DIR) + "/tests/data/import/" + name; }

std::string message(const absl::StatusOr<FloatModel>& model) { return std::string(model.status().message()); }

FloatModel must_import(const std::string& path) {
  auto model = import_model(path);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : FloatModel{};
}

TEST(KerasH5, WholeModelWithTrainingConfiguration) {
  const FloatModel model = must_import(fixture("whole.h5"));
  EXPECT_EQ(model.framework, "keras2");
  EXPECT_EQ(model.provenance.at("keras_version"), "2.15.0");
  ASSERT_EQ(model.layers.size(), 5u);
  EXPECT_THAT(model.inputs[0].shape, ElementsAre(3));
  EXPECT_EQ(model.inputs[0].name, "fc_input");
  EXPECT_EQ(model.outputs[0].name, "act");
  EXPECT_THAT(model.outputs[0].shape, ElementsAre(2));
  const FloatLayer& fc = model.layers[1];
  EXPECT_THAT(fc.array("kernel")->data, ElementsAre(-3, -2.75, -2.5, -2.25, -2, -1.75));
  EXPECT_THAT(fc.array("bias")->data, ElementsAre(0.5, -0.5));
  EXPECT_EQ(fc.setting<std::string>("activation"), "relu");
  EXPECT_EQ(std::get<UniformQuantizer>(fc.quantizers.at("activation")).type.to_string(),
            "ap_ufixed<4,1,AP_RND_CONV,AP_SAT>");
  EXPECT_EQ(std::get<UniformQuantizer>(fc.quantizers.at("kernel")).texts.at("alpha"), "auto_po2");
  EXPECT_EQ(std::get<UniformQuantizer>(fc.quantizers.at("bias")).type.to_string(), "ap_ufixed<5,2,AP_RND_CONV,AP_SAT>");
  EXPECT_EQ(model.layers[2].kind, "Dropout");
  const FloatLayer& bn = model.layers[3];
  EXPECT_EQ(bn.setting<double>("epsilon"), 0.002);
  EXPECT_EQ(bn.setting<int64_t>("axis"), -1);
  EXPECT_EQ(bn.array("gamma"), nullptr);
  EXPECT_THAT(bn.array("beta")->data, ElementsAre(1, 2));
  EXPECT_THAT(bn.array("moving_variance")->data, ElementsAre(4, 9));
  EXPECT_EQ(model.layers[4].setting<std::string>("activation"), "hard_tanh");
}

TEST(KerasH5, NotANumberIsNamedByLayerArrayAndIndex) {
  EXPECT_THAT(message(import_model(fixture("nan.h5"))),
              AllOf(HasSubstr("'fc'"), HasSubstr("'kernel'"), HasSubstr("[1, 1]"), HasSubstr("nan")));
}

TEST(KerasH5, WrongShapeNamesBothShapes) {
  EXPECT_THAT(message(import_model(fixture("wrong_shape.h5"))),
              AllOf(HasSubstr("'fc'"), HasSubstr("[3, 2]"), HasSubstr("[2, 3]")));
}

TEST(KerasH5, MissingWeightIsNamed) {
  EXPECT_THAT(message(import_model(fixture("missing.h5"))),
              AllOf(HasSubstr("'fc'"), HasSubstr("'bias'"), HasSubstr("[2]")));
}

TEST(ImportModel, OtherFilesAreRefused) {
  TemporaryFolder folder;
  EXPECT_EQ(import_model(folder.file("none.h5")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(message(import_model(fixture("make_fixtures.py"))), HasSubstr("expected a Keras"));
  EXPECT_THAT(message(import_model(fixture("datasets.h5"))), HasSubstr("expected Keras weights"));
}

/// A functional model of one input and these further layers, given as JSON text.
absl::StatusOr<KerasNetwork> network(const std::string& layers, const std::string& outputs) {
  const std::string text = R"({"class_name":"Functional","config":{"name":"m","layers":[
    {"class_name":"InputLayer","config":{"name":"x","batch_shape":[null,4]},"inbound_nodes":[]},)" +
                           layers + R"(],"input_layers":[["x",0,0]],"output_layers":)" + outputs + "}}";
  const auto json = parse_python_json(text, "t");
  if (!json.ok()) return json.status();
  return parse_keras_network(*json, "t");
}

std::string dense(const std::string& name, const std::string& inbound) {
  return R"({"class_name":"Dense","config":{"name":")" + name + R"(","units":2},"inbound_nodes":)" + inbound + "}";
}

TEST(KerasConfig, LayersComeInTopologicalOrder) {
  const auto found = network(dense("late", R"([[["early",0,0,{}]]])") + "," + dense("early", R"([[["x",0,0,{}]]])"),
                             R"([["late",0,0]])");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->layers[1].name, "early");
  EXPECT_EQ(found->layers[2].name, "late");
  EXPECT_EQ(found->layers[2].weights_path, "dense");
  EXPECT_EQ(found->layers[1].weights_path, "dense_1");
}

TEST(KerasConfig, SharedLayersAreRefusedByName) {
  const auto twice = network(dense("both", R"([[["x",0,0,{}]],[["x",0,0,{}]]])"), R"([["both",0,0]])");
  EXPECT_EQ(twice.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(twice.status().message()), AllOf(HasSubstr("'both'"), HasSubstr("2 times")));
  EXPECT_FALSE(network(dense("a", R"([[["x",1,0,{}]]])"), R"([["a",0,0]])").ok());
}

TEST(KerasConfig, BrokenConnectionsAreErrors) {
  EXPECT_FALSE(network(dense("a", R"([[["a",0,0,{}]]])"), R"([["a",0,0]])").ok());
  EXPECT_FALSE(network(dense("a", R"([[["gone",0,0,{}]]])"), R"([["a",0,0]])").ok());
  EXPECT_FALSE(network(dense("a", "[]"), R"([["a",0,0]])").ok());
  EXPECT_FALSE(network(dense("a", R"([[["x",0,0,{}]]])"), R"([["gone",0,0]])").ok());
  EXPECT_FALSE(network(dense("x", R"([[["x",0,0,{}]]])"), R"([["x",0,0]])").ok());
}

TEST(KerasConfig, NestedModelsAndOpenExtentsAreRefused) {
  const auto nested =
      network(R"({"class_name":"Sequential","config":{"name":"inner","layers":[]},"inbound_nodes":[[["x",0,0,{}]]]})",
              R"([["inner",0,0]])");
  EXPECT_THAT(std::string(nested.status().message()), HasSubstr("'inner'"));
  const auto json = parse_python_json(
      R"({"class_name":"Sequential","config":[{"class_name":"Dense","config":{"name":"d","batch_input_shape":[null,null,3]}}]})",
      "t");
  EXPECT_THAT(std::string(parse_keras_network(*json, "t").status().message()), HasSubstr("axis 1"));
}

TEST(KerasConfig, PythonsInfinityAndNanAreRead) {
  const auto json = parse_python_json(R"({"a": -Infinity, "b": [NaN, Infinity], "c": "NaN"})", "t");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_TRUE((*json)["b"][1].is_null());
  EXPECT_EQ((*json)["c"], "NaN");
  EXPECT_FALSE(parse_python_json(std::string(100000, '['), "t").ok());
}

TEST(KerasConfig, SnakeCaseIsKeras) {
  EXPECT_EQ(to_snake_case("QEinsumDenseBatchnorm"), "q_einsum_dense_batchnorm");
  EXPECT_EQ(to_snake_case("PReLU"), "p_re_lu");
  EXPECT_EQ(to_snake_case("LeakyReLU"), "leaky_re_lu");
  EXPECT_EQ(to_snake_case("Conv2D"), "conv2d");
  EXPECT_EQ(to_snake_case("ELU"), "elu");
  EXPECT_EQ(to_snake_case("QAveragePow2"), "q_average_pow2");
}

// Numbers below were read from the files with h5py.
TEST(KerasJson, Keras3LayerHasItsWeights) {
  NEED_SHARED_DATA();
  const FloatModel model = must_import(model_path("keras/KERAS_3layer.json"));
  ASSERT_EQ(model.layers.size(), 5u);
  const Array& kernel = *find_layer(model, "fc1_relu")->array("kernel");
  EXPECT_THAT(kernel.shape, ElementsAre(16, 64));
  EXPECT_EQ(kernel.data[0], 0.2731347382068634);
  EXPECT_EQ(kernel.data[512], 0.14163999259471893);
  EXPECT_EQ(kernel.data[1023], -0.3651207387447357);
  EXPECT_EQ(find_layer(model, "output_softmax")->array("bias")->data[0], -0.32101622223854065);
  EXPECT_EQ(find_layer(model, "output_softmax")->setting<std::string>("activation"), "softmax");
}

TEST(KerasJson, QkerasJetNetworkIsTheSameFromBothGenerations) {
  NEED_SHARED_DATA();
  const FloatModel old = must_import(model_path("keras/qkeras_3layer.json"));
  const FloatModel archive = must_import(model_path("keras/qkeras-v3_3layer.keras"));
  ASSERT_EQ(old.layers.size(), 9u);
  ASSERT_EQ(archive.layers.size(), 9u);
  EXPECT_EQ(find_layer(old, "fc2")->array("kernel")->data[0], 0.013780046254396439);
  for (size_t i = 1; i < 9; ++i) {
    EXPECT_EQ(old.layers[i].name, archive.layers[i].name);
    EXPECT_EQ(old.layers[i].kind, archive.layers[i].kind);
    for (const auto& [name, array] : old.layers[i].arrays) {
      ASSERT_NE(archive.layers[i].array(name), nullptr);
      EXPECT_EQ(array.data, archive.layers[i].array(name)->data) << old.layers[i].name << " " << name;
    }
  }
  const auto& relu = std::get<UniformQuantizer>(find_layer(archive, "relu1")->quantizers.at("output"));
  EXPECT_EQ(relu.type.to_string(), "ap_ufixed<6,0,AP_RND_CONV,AP_SAT>");
}

TEST(KerasJson, BinaryAndTernaryNetworks) {
  NEED_SHARED_DATA();
  const FloatModel ternary = must_import(model_path("keras/KERAS_3layer_ternary_small.json"));
  EXPECT_EQ(find_layer(ternary, "bn1")->array("moving_variance")->data[0], 0.18270902335643768);
  EXPECT_EQ(find_layer(ternary, "act1")->setting<std::string>("activation"), "ternary_tanh");
  EXPECT_EQ(std::get<UniformQuantizer>(find_layer(ternary, "fc1")->quantizers.at("kernel")).kind,
            UniformQuantizer::Kind::kTernary);
  const FloatModel binary = must_import(model_path("keras/KERAS_3layer_binary_smaller.json"));
  EXPECT_EQ(std::get<UniformQuantizer>(find_layer(binary, "fc1")->quantizers.at("kernel")).kind,
            UniformQuantizer::Kind::kBinary);
}

TEST(Keras3, BatchNormalisationHasItsWeightsInOrder) {
  NEED_SHARED_DATA();
  const FloatModel model = must_import(model_path("layers/batchnorm.keras"));
  const FloatLayer& bn = *find_layer(model, "bn");
  EXPECT_EQ(bn.array("gamma")->data[0], 1.0118216276168823);
  EXPECT_EQ(bn.array("beta")->data[0], 0.04959368705749512);
  EXPECT_EQ(bn.array("moving_mean")->data[0], -0.3659583032131195);
  EXPECT_EQ(bn.array("moving_variance")->data[0], 1.461657166481018);
}

TEST(Keras3, SeveralInputsAndOutputsKeepTheirOrder) {
  NEED_SHARED_DATA();
  const FloatModel model = must_import(model_path("hgq/layers/qmerge.keras"));
  std::vector<std::string> inputs, outputs;
  for (const auto& t : model.inputs) inputs.push_back(t.name);
  for (const auto& t : model.outputs) outputs.push_back(t.name);
  EXPECT_THAT(inputs, ElementsAre("a", "b", "c"));
  EXPECT_THAT(outputs, ElementsAre("add", "sub", "mul", "max", "min", "avg"));
}

TEST(Keras3, ActivationsKeepTheirSettings) {
  NEED_SHARED_DATA();
  const auto act = [](const std::string& name) {
    return *find_layer(must_import(model_path("layers/" + name + ".keras")), "act");
  };
  EXPECT_EQ(act("act_elu_alpha").setting<double>("alpha"), 0.7);
  EXPECT_EQ(act("act_leaky_relu").setting<double>("alpha"), 0.3);
  EXPECT_EQ(act("act_relu6").setting<double>("max_value"), 6.0);
  EXPECT_EQ(act("act_prelu").array("alpha")->data.size(), 8u);
  EXPECT_EQ(act("act_softmax_axis1").setting<int64_t>("axis"), 1);
  EXPECT_EQ(act("act_hard_sigmoid").setting<double>("slope"), 1.0 / 6);
}

TEST(Keras3, PermuteCountsFromTheFirstAxisOfAnEvent) {
  NEED_SHARED_DATA();
  const FloatModel model = must_import(model_path("layers/permute3.keras"));
  EXPECT_THAT(*find_layer(model, "pe")->setting<std::vector<int64_t>>("permutation"), ElementsAre(2, 0, 1));
  EXPECT_THAT(model.outputs[0].shape, ElementsAre(2, 4, 3));
}

TEST(Keras3, UnsupportedLayersAreNamedWithTheSupportedOnes) {
  NEED_SHARED_DATA();
  for (const char* name :
       {"layers/lstm.keras", "layers/conv1d_same.keras", "hgq/layers/qlif.keras", "keras/garnet_1layer.json"}) {
    const auto model = import_model(model_path(name));
    EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented) << name;
    EXPECT_THAT(message(model),
                AllOf(HasSubstr("not supported"), HasSubstr("BatchNormalization"), HasSubstr("QEinsumDense")));
  }
}

}  // namespace
}  // namespace strobe::import
