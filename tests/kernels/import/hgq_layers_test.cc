#include <gmock/gmock.h>

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/io/files.h"
#include "import_fixture.h"

namespace strobe::import {
namespace {

using testing::ElementsAre;

/// What the peers' file calls a quantiser, in our words.
std::string our_name(const std::string& theirs) {
  if (theirs == "iq") return "input";
  if (theirs == "oq") return "output";
  if (theirs == "kq") return "kernel";
  if (theirs == "bq") return "bias";
  if (absl::StartsWith(theirs, "iq")) return "input_" + theirs.substr(2);
  if (absl::EndsWith(theirs, "exp_table/iq")) return "exp_input";
  if (absl::EndsWith(theirs, "exp_table/oq")) return "exp_output";
  if (absl::EndsWith(theirs, "inv_table/iq")) return "inverse_input";
  return absl::EndsWith(theirs, "inv_table/oq") ? "inverse_output" : theirs;
}

/// Compares k, i, f of every element with the peers' int8 array [3, ...]. Returns the number of elements compared.
size_t compare(const ElementQuantizer& quantizer, const io::Array& expected, const std::string& what) {
  const size_t count = static_cast<size_t>(expected.elements()) / 3;
  const Array* parts[] = {&quantizer.k, &quantizer.i, &quantizer.f};
  for (size_t part = 0; part < 3; ++part) {
    EXPECT_EQ(parts[part]->data.size(), count) << what;
    if (parts[part]->data.size() != count) return 0;
    for (size_t e = 0; e < count; ++e) {
      EXPECT_EQ(parts[part]->data[e], expected.number(static_cast<int64_t>(part * count + e)))
          << what << " part " << part << " at " << e;
    }
  }
  return count;
}

class HgqTypes : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Every, HgqTypes,
                         testing::Values("qdense", "qdense_kbi_sat", "qeinsumdense", "qeinsumdensebatchnorm",
                                         "qbatchnormdense", "qbatchnormalization", "qmerge", "leaky_prelu",
                                         "quantizer_modes", "quantizer_rnd_conv", "qsoftmax", "qsoftmax_unstable"));

TEST_P(HgqTypes, EqualThePeersInEveryElement) {
  NEED_SHARED_DATA();
  const auto model = import_model(model_path(absl::StrCat("hgq/layers/", GetParam(), ".keras")));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto expected = io::read_npz(model_path(absl::StrCat("hgq/layers/expected/", GetParam(), ".npz")));
  ASSERT_TRUE(expected.ok()) << expected.status();
  size_t compared = 0;
  for (const io::NamedArray& named : *expected) {
    if (!absl::StartsWith(named.name, "types/")) continue;
    const std::string rest = named.name.substr(6);
    const size_t slash = rest.find('/');
    const FloatLayer* layer = find_layer(*model, rest.substr(0, slash));
    ASSERT_NE(layer, nullptr) << named.name;
    const std::string name = slash == std::string::npos ? "output" : our_name(rest.substr(slash + 1));
    // An einsum laid out flat has its formats rearranged with its weights; einsum_test covers that.
    if (find_layer(*model, layer->name + "_reshape") != nullptr && (name == "kernel" || name == "bias")) continue;
    const auto quantizer = layer->quantizers.find(name);
    ASSERT_NE(quantizer, layer->quantizers.end()) << named.name << " as " << name;
    compared += compare(std::get<ElementQuantizer>(quantizer->second), named.array, named.name);
  }
  EXPECT_GT(compared, 0u);
}

/// Nearest, ties up, then wrapped or limited: what the trained quantiser makes of a weight.
double quantised(double value, const ElementQuantizer& q, size_t e) {
  const double k = q.k.data[e], f = q.f.data[e], i = std::max(q.i.data[e], -f);
  if (k + q.i.data[e] + f <= 0) return 0;
  const double low = -k * std::exp2(i), high = std::exp2(i) - std::exp2(-f);
  if (q.overflow == "WRAP") {
    const double span = std::exp2(i + k), rounded = std::floor(value * std::exp2(f) + 0.5) * std::exp2(-f);
    return rounded - span * std::floor((rounded - low) / span);
  }
  return std::floor(std::clamp(value, q.overflow == "SAT_SYM" ? -high * k : low, high) * std::exp2(f) + 0.5) *
         std::exp2(-f);
}

class HgqWeights : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Every, HgqWeights, testing::Values("qdense", "qdense_kbi_sat", "qsoftmax"));

TEST_P(HgqWeights, QuantisedEqualThePeersInEveryElement) {
  NEED_SHARED_DATA();
  const auto model = import_model(model_path(absl::StrCat("hgq/layers/", GetParam(), ".keras")));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto expected = io::read_npz(model_path(absl::StrCat("hgq/layers/expected/", GetParam(), ".npz")));
  ASSERT_TRUE(expected.ok()) << expected.status();
  size_t compared = 0;
  for (const io::NamedArray& named : *expected) {
    if (!absl::StartsWith(named.name, "weights/")) continue;
    const size_t slash = named.name.rfind('/');
    const FloatLayer* layer = find_layer(*model, named.name.substr(8, slash - 8));
    ASSERT_NE(layer, nullptr);
    const std::string name = named.name.substr(slash + 1);
    const Array& weights = *layer->array(name);
    const auto& quantizer = std::get<ElementQuantizer>(layer->quantizers.at(name));
    for (size_t e = 0; e < weights.data.size(); ++e, ++compared) {
      EXPECT_EQ(quantised(weights.data[e], quantizer, e), named.array.number(static_cast<int64_t>(e)))
          << named.name << " at " << e;
    }
  }
  EXPECT_GT(compared, 0u);
}

TEST(HgqLayers, SoftmaxKeepsItsTables) {
  NEED_SHARED_DATA();
  const auto model = import_model(model_path("hgq/layers/qsoftmax.keras"));
  ASSERT_TRUE(model.ok()) << model.status();
  const FloatLayer& softmax = *find_layer(*model, "sm");
  EXPECT_EQ(softmax.setting<bool>("stable"), true);
  EXPECT_EQ(softmax.setting<int64_t>("axis"), 1);
  const auto& exp = std::get<ElementQuantizer>(softmax.quantizers.at("exp_output"));
  EXPECT_EQ(exp.rounding, "RND_CONV");
  EXPECT_EQ(exp.overflow, "SAT");
  EXPECT_EQ(exp.k.data[0], 0);
}

TEST(HgqLayers, JetNetworksKeepTheirBatchNormalisation) {
  NEED_SHARED_DATA();
  for (const char* name : {"530", "2571", "13285"}) {
    const auto model = import_model(model_path(absl::StrCat("hgq/jsc_openml_ebops", name, ".keras")));
    ASSERT_TRUE(model.ok()) << model.status();
    ASSERT_EQ(model->layers.size(), 5u);
    EXPECT_THAT(model->outputs[0].shape, ElementsAre(10));
    for (const char* layer : {"t1", "t2", "t3"}) {
      EXPECT_EQ(find_layer(*model, layer)->setting<double>("epsilon"), 1e-7);
      EXPECT_NE(find_layer(*model, layer)->array("moving_variance"), nullptr);
    }
  }
  // Read from the file with h5py: vars/0, 2, 5 and 6 of the first layer.
  const auto model = import_model(model_path("hgq/jsc_openml_ebops530.keras"));
  const FloatLayer& t1 = *find_layer(*model, "t1");
  EXPECT_FLOAT_EQ(static_cast<float>(t1.array("kernel")->data[0]), 0.52547204F);
  EXPECT_FLOAT_EQ(static_cast<float>(t1.array("gamma")->data[0]), 2.562035F);
  EXPECT_FLOAT_EQ(static_cast<float>(t1.array("moving_mean")->data[0]), 0.07067917F);
  EXPECT_FLOAT_EQ(static_cast<float>(t1.array("moving_variance")->data[0]), 1.9350836F);
}

}  // namespace
}  // namespace strobe::import
