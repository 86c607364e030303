#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/layers/catalog.h"
#include "tests/kernels/import/import_fixture.h"
#include "tests/kernels/quantise/golden.h"

/// HGQ2 networks against Keras: every bit.
namespace strobe {
namespace {

using testing::Arrays;
using testing::Events;

constexpr size_t kMaxRows = 128;

struct Network {
  std::string file;  ///< below models/hgq
  std::string expected() const {
    const size_t slash = file.find('/');
    const std::string folder = slash == std::string::npos ? "" : file.substr(0, slash + 1);
    return model_path("hgq/" + folder + "expected/" + file.substr(slash == std::string::npos ? 0 : slash + 1) + ".npz");
  }
};

void PrintTo(const Network& n, std::ostream* out) { *out << n.file; }

/// Events that several quantisers of different formats read have no type but the user's.
const std::set<std::string>& several_quantisers() {
  static const std::set<std::string> kFiles = {"layers/qmerge", "layers/quantizer_modes"};
  return kFiles;
}

std::vector<Events> stimulus(const Arrays& arrays) {
  if (arrays.contains("input")) return {testing::events_of(arrays.at("input"), kMaxRows)};
  if (!arrays.contains("input_0")) return {testing::shared_jets(kMaxRows)};
  std::vector<Events> inputs;
  for (int i = 0;; ++i) {
    const auto events = arrays.find(absl::StrCat("input_", i));
    if (events == arrays.end()) return inputs;
    inputs.push_back(testing::events_of(events->second, kMaxRows));
  }
}

const import::FloatModel* find_network(const std::string& file, absl::StatusOr<import::FloatModel>& holder) {
  holder = import::import_model(model_path("hgq/" + file + ".keras"));
  EXPECT_TRUE(holder.ok()) << holder.status();
  return holder.ok() ? &*holder : nullptr;
}

class Hgq : public ::testing::TestWithParam<Network> {
 protected:
  /// Runs the network and compares; `type`: of the events at the border.
  void expect_kerass_answers(const std::optional<model::FixedType>& type) {
    absl::StatusOr<import::FloatModel> holder;
    const import::FloatModel* network = find_network(GetParam().file, holder);
    ASSERT_NE(network, nullptr);
    const Arrays expected = testing::load_arrays(GetParam().expected());
    const auto run = testing::run_network(*network, {"", "", type}, stimulus(expected));
    ASSERT_TRUE(run.ok()) << run.status();
    const std::vector<double> answers = testing::events_of(expected.at("keras_output"), run->rows).values;
    EXPECT_EQ(testing::difference(run->outputs(), answers, run->rows), "");
  }
};

TEST_P(Hgq, EqualsKerasForEventsOfATypeOfTheUser) {
  NEED_SHARED_DATA();
  expect_kerass_answers(model::FixedType::fixed(24, 12));
}

/// The quantiser's own formats are the border's: events are rounded and wrapped on the way in, as the quantiser does
/// it.
TEST_P(Hgq, EqualsKerasForEventsInTheQuantisersOwnTypes) {
  NEED_SHARED_DATA();
  if (several_quantisers().contains(GetParam().file)) {
    absl::StatusOr<import::FloatModel> holder;
    const import::FloatModel* network = find_network(GetParam().file, holder);
    ASSERT_NE(network, nullptr);
    const auto quantised = quantise::quantise(*network, {});
    ASSERT_FALSE(quantised.ok());
    EXPECT_THAT(std::string(quantised.status().message()), ::testing::HasSubstr("--input-type"));
    return;
  }
  expect_kerass_answers(std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Shared, Hgq,
                         ::testing::Values(Network{"jsc_openml_ebops530"}, Network{"jsc_openml_ebops2571"},
                                           Network{"jsc_openml_ebops13285"}, Network{"layers/qdense"},
                                           Network{"layers/qdense_kbi_sat"}, Network{"layers/qbatchnormdense"},
                                           Network{"layers/qeinsumdense"}, Network{"layers/qeinsumdensebatchnorm"},
                                           Network{"layers/qbatchnormalization"}, Network{"layers/leaky_prelu"},
                                           Network{"layers/qmerge"}, Network{"layers/qsoftmax"},
                                           Network{"layers/qsoftmax_unstable"}, Network{"layers/quantizer_modes"},
                                           Network{"layers/quantizer_rnd_conv"}),
                         [](const auto& p) { return p.param.file.substr(p.param.file.find('/') + 1); });

struct Ebops {
  const char* file;
  double trained;  ///< the count of the last training step, which named the file
  double formats;  ///< the same definition for the formats that the file has
};

class HgqEbops : public ::testing::TestWithParam<Ebops> {};

/// Formats moved a little after the last count: integer bits were traced once more over the whole data set.
TEST_P(HgqEbops, FollowHgq2sDefinition) {
  NEED_SHARED_DATA();
  absl::StatusOr<import::FloatModel> holder;
  const import::FloatModel* network = find_network(GetParam().file, holder);
  ASSERT_NE(network, nullptr);
  const auto quantised = quantise::quantise(*network, {});
  ASSERT_TRUE(quantised.ok()) << quantised.status();
  double counted = 0;
  for (const model::Node& node : quantised->graph.nodes()) {
    if (node.op == "dense")
      counted += layers::find_layer("dense")->cost(quantised->graph, node).effective_bit_operations;
  }
  EXPECT_EQ(counted, GetParam().formats);
  EXPECT_NEAR(counted, GetParam().trained, 0.01 * GetParam().trained);
  EXPECT_EQ(quantised->graph.provenance().at("ebops_while_training"), absl::StrCat(GetParam().trained));
}

INSTANTIATE_TEST_SUITE_P(Shared, HgqEbops,
                         ::testing::Values(Ebops{"jsc_openml_ebops530", 530, 526},
                                           Ebops{"jsc_openml_ebops2571", 2571, 2549},
                                           Ebops{"jsc_openml_ebops13285", 13285, 13247}),
                         [](const auto& p) { return std::string(p.param.file); });

}  // namespace
}  // namespace strobe
