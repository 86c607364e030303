// The plans of published networks against the reference evaluation, on the published jets and on saturating events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kernels/emulator/emulator.h"
#include "kernels/import/float_model.h"
#include "kernels/layers/reference.h"
#include "kernels/quantise/quantise.h"
#include "tests/kernels/emulator/random_graph.h"

namespace strobe::emulator {
namespace {

struct Network {
  const char* name;
  const char* model;
  const char* config;  ///< beside the expected outputs; null: strobe's own choice
};

std::ostream& operator<<(std::ostream& out, const Network& n) { return out << n.name; }

std::filesystem::path data_folder() {
  const char* folder = std::getenv("STROBE_SHARED_DATA");
  return folder != nullptr ? folder : STROBE_SOURCE_DIR "/../shared/data";
}

class PublishedNetwork : public ::testing::TestWithParam<Network> {};

TEST_P(PublishedNetwork, PlanEqualsTheReferenceInEveryBit) {
  const Network& network = GetParam();
  const std::filesystem::path models = data_folder() / "models";
  if (!std::filesystem::exists(models / network.model)) {
    const char* ci = std::getenv("CI");
    if (ci != nullptr && std::string(ci) == "true") FAIL() << models / network.model << " is missing";
    GTEST_SKIP() << models / network.model << " is not here";
  }
  const auto source = import::import_model(models / network.model);
  ASSERT_TRUE(source.ok()) << source.status();
  quantise::QuantiseOptions options;
  options.input_type = model::FixedType::fixed(16, 6);
  if (network.config != nullptr) {
    YAML::Emitter config;
    config << YAML::LoadFile(models / network.config)["hls_config"];
    options.config = config.c_str();
    options.config_origin = network.config;
  }
  const auto quantised = quantise::quantise(*source, options);
  ASSERT_TRUE(quantised.ok()) << quantised.status();
  const model::Graph& graph = quantised->graph;
  const auto emulator = Emulator::create(graph);
  ASSERT_TRUE(emulator.ok()) << emulator.status();

  std::mt19937_64 random(1);
  for (const size_t rows : {size_t{1}, size_t{15}, size_t{300}}) {
    const std::vector<int64_t> raw = testing::random_rows(graph, 0, rows, random);
    const auto reference = layers::evaluate_reference(graph, {raw}, rows);
    ASSERT_TRUE(reference.ok()) << reference.status();
    const std::vector<std::byte> events = testing::pack_rows(graph.input(0).type, raw);
    std::vector<std::byte> scores(rows * graph.output(0).type.row_bytes());
    const std::byte* in[] = {events.data()};
    std::byte* out[] = {scores.data()};
    Scratch scratch;
    ASSERT_TRUE(emulator->run(in, out, rows, scratch).ok());
    EXPECT_EQ(testing::unpack_rows(graph.output(0).type, scores), reference->outputs[0]) << rows << " rows";
    // A few events at a time take another way than blocks.
    std::fill(scores.begin(), scores.end(), std::byte{0});
    for (size_t first = 0; first < rows; first += 3) {
      in[0] = events.data() + first * graph.input(0).type.row_bytes();
      out[0] = scores.data() + first * graph.output(0).type.row_bytes();
      ASSERT_TRUE(emulator->run(in, out, std::min<size_t>(3, rows - first), scratch).ok());
    }
    EXPECT_EQ(testing::unpack_rows(graph.output(0).type, scores), reference->outputs[0]) << rows << " rows, 3 a call";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Emulator, PublishedNetwork,
    ::testing::Values(
        Network{"Hgq530", "hgq/jsc_openml_ebops530.keras", nullptr},
        Network{"Hgq2571", "hgq/jsc_openml_ebops2571.keras", nullptr},
        Network{"Hgq13285", "hgq/jsc_openml_ebops13285.keras", nullptr},
        Network{"QkerasOwn", "keras/qkeras_3layer.json", nullptr},
        Network{"QkerasAuto", "keras/qkeras_3layer.json", "keras/expected/qkeras_3layer__auto.yml"},
        Network{"QkerasByLayer", "keras/qkeras_3layer.json", "keras/expected/qkeras_3layer__resource_rf4.yml"},
        Network{"QkerasDefault", "keras/qkeras_3layer.json", "keras/expected/qkeras_3layer__default.yml"},
        Network{"QkerasSat12", "keras/qkeras_3layer.json", "keras/expected/qkeras_3layer__sat12.yml"},
        Network{"QkerasWide24", "keras/qkeras_3layer.json", "keras/expected/qkeras_3layer__wide24.yml"},
        Network{"QkerasLegacy", "keras/qkeras_3layer.json", "keras/expected/qkeras_3layer__softmax_legacy.yml"},
        Network{"KerasDefault", "keras/KERAS_3layer.json", "keras/expected/KERAS_3layer__default.yml"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace strobe::emulator
