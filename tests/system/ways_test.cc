/// The whole program on real models: every network becomes an xclbin, and every way of running it gives the same bits.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "host/io/files.h"
#include "tests/system/peer_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;

class Ways : public PeerTest {
 protected:
  /// Compiles for sw_emu and holds reference, emulator, HLS code, XRT and OpenCL against each other and against the
  /// peer.
  void expect_equal(const std::string& compile, const std::string& check) const {
    const Outcome compiled = run("compile " + compile + " --target sw_emu -o " + file("model.xclbin"));
    ASSERT_EQ(compiled.status, 0) << compiled.err;
    const Outcome checked = run("check " + file("model.xclbin") + " " + check + " --json");
    ASSERT_EQ(checked.status, 0) << checked.out << checked.err;
    for (const char* way : {"emulator", "HLS", "xrt", "opencl"}) EXPECT_THAT(checked.out, testing::HasSubstr(way));
    EXPECT_THAT(checked.out, testing::Not(testing::HasSubstr("not built"))) << checked.out;
  }
};

const char kJets[] = "/jets/features_fixed16_6.npy --raw-in";

struct KerasCase {
  const char* model;
  const char* variant;
};

class KerasWays : public Ways, public testing::WithParamInterface<KerasCase> {};

TEST_P(KerasWays, GiveThePeersBitsOnAllJets) {
  NEED_SHARED_DATA();
  const std::string models = shared_data() + "/models/keras/";
  const std::string model = GetParam().model;
  const std::string expected = models + "expected/" + model + "__" + GetParam().variant;
  expect_equal(models + model + ".json --weights " + models + model +
                   "_weights.h5 --input-type 'ap_fixed<16,6>' --config " + configuration(expected),
               shared_data() + kJets + " --expected " + scores(expected, "output"));
}

INSTANTIATE_TEST_SUITE_P(
    Jets, KerasWays,
    testing::Values(KerasCase{"qkeras_3layer", "default"}, KerasCase{"qkeras_3layer", "auto"},
                    KerasCase{"qkeras_3layer", "resource_rf4"}, KerasCase{"qkeras_3layer", "sat12"},
                    KerasCase{"qkeras_3layer", "softmax_legacy"}, KerasCase{"KERAS_3layer", "wide24"}),
    [](const auto& tested) { return std::string(tested.param.model) + "_" + tested.param.variant; });

class HgqWays : public Ways, public testing::WithParamInterface<const char*> {};

TEST_P(HgqWays, GiveKerasBitsOnAllJets) {
  NEED_SHARED_DATA();
  const std::string models = shared_data() + "/models/hgq/";
  expect_equal(models + GetParam() + ".keras --input-type 'ap_fixed<16,6>'",
               shared_data() + kJets + " --expected " + scores(models + "expected/" + GetParam(), "keras_output"));
}

INSTANTIATE_TEST_SUITE_P(Jets, HgqWays,
                         testing::Values("jsc_openml_ebops530", "jsc_openml_ebops2571", "jsc_openml_ebops13285"),
                         [](const auto& tested) { return std::string(tested.param); });

class OnnxWays : public Ways, public testing::WithParamInterface<KerasCase> {};

TEST_P(OnnxWays, GiveThePeersBitsOnAllJets) {
  NEED_SHARED_DATA();
  const std::string models = shared_data() + "/models/" + GetParam().model;
  const fs::path path = models;
  const std::string expected = path.parent_path() / "expected" / (path.filename().string() + "__" + GetParam().variant);
  expect_equal(models + ".onnx --input-type 'ap_fixed<16,6>' --config " + configuration(expected),
               shared_data() + kJets + " --expected " + scores(expected, "output"));
}

INSTANTIATE_TEST_SUITE_P(Jets, OnnxWays,
                         testing::Values(KerasCase{"qonnx/qkeras_jettagging", "auto"},
                                         KerasCase{"onnx/three_layer_bn_keras", "default"}),
                         [](const auto& tested) {
                           return fs::path(tested.param.model).filename().string() + "_" + tested.param.variant;
                         });

/// Rows of FP64 numbers from an array, for event files.
void write_events(const std::string& path, const io::Array& array, double step) {
  std::vector<double> numbers = array.numbers();
  for (double& x : numbers) x *= step;
  ASSERT_TRUE(io::write_npy(path, io::Array::of(array.shape(), std::move(numbers))).ok());
}

TEST_F(Ways, TheJetForestAgreesInEveryWayWithThePublishedAccuracy) {
  NEED_SHARED_DATA();
  const auto jets = io::read_npy(shared_data() + "/jets/features_fixed16_6.npy");
  ASSERT_TRUE(jets.ok()) << jets.status();
  write_events(file("jets.npy"), *jets, 1.0 / 1024);
  const std::string forest = shared_data() + "/models/trees/jets_xgboost.json",
                    labels = shared_data() + "/jets/labels.npy";
  expect_equal(forest, file("jets.npy") + " --labels " + labels);
  const Outcome checked = run("check " + file("model.xclbin") + " " + file("jets.npy") + " --labels " + labels);
  EXPECT_THAT(checked.out, testing::HasSubstr("77.64 % (77.64 %)"));
  EXPECT_THAT(checked.out, testing::HasSubstr("100.00 % of events as floating point"));
  expect_equal(forest + " --input-type 'ap_fixed<16,6>'", shared_data() + kJets + " --labels " + labels);
}

TEST_F(Ways, ConifersArithmeticGivesItsBitsOnAllJets) {
  NEED_SHARED_DATA();
  const std::string trees = shared_data() + "/models/trees/";
  std::ofstream(file("conifer.yml")) << "{Compatibility: conifer, Precision: 'ap_fixed<16,6>'}";
  for (const char* name : {"jets_xgboost", "ydf_oblique_binary"}) {
    expect_equal(trees + name + "_conifer.json --config " + file("conifer.yml"),
                 shared_data() + kJets + " --expected " + scores(trees + "expected/" + name + "__fx16_6", "score"));
  }
}

TEST_F(Ways, MissingValuesGoTheFrameworksWayAndLeavesAreItsOwn) {
  NEED_SHARED_DATA();
  const std::string trees = shared_data() + "/models/trees/";
  const auto arrays = io::read_npz(trees + "expected/xgb_missing__framework.npz");
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  std::map<std::string, io::Array> by_name;
  for (const auto& [name, array] : *arrays) by_name.emplace(name, array);
  write_events(file("events.npy"), by_name.at("inputs"), 1);
  expect_equal(trees + "xgb_missing.json", file("events.npy"));
  const Outcome leaves_run =
      run("run " + file("model.xclbin") + " " + file("events.npy") + " --leaves -o " + file("leaves.npy"));
  ASSERT_EQ(leaves_run.status, 0) << leaves_run.err;
  const auto leaves = io::read_npy(file("leaves.npy"));
  ASSERT_TRUE(leaves.ok()) << leaves.status();
  EXPECT_EQ(leaves->numbers(), by_name.at("leaf_index").numbers());
  const Outcome inspected = run("inspect " + file("model.xclbin"));
  EXPECT_THAT(inspected.out, testing::HasSubstr("float32 keys, missing = -2147483648"));
  EXPECT_THAT(inspected.out, testing::HasSubstr("50 trees, depth 4"));
}

TEST_F(Ways, TheSampleForestAgreesInEveryWay) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/jets/";
  const auto jets = io::read_npy(data + "features.npy");
  ASSERT_TRUE(jets.ok()) << jets.status();
  write_events(file("jets.npy"), *jets, 1.0 / 1024);
  expect_equal(data + "jets_forest.json", file("jets.npy") + " --labels " + data + "labels.npy");
}

TEST_F(Ways, FiveFormulasAgreeInEveryWayOnAllJets) {
  NEED_SHARED_DATA();
  expect_equal(shared_data() + "/models/symbolic/jets_expressions.txt --input-type 'ap_fixed<16,6>'",
               shared_data() + kJets);
  const Outcome inspected = run("inspect " + file("model.xclbin"));
  EXPECT_EQ(inspected.status, 0) << inspected.err;
  EXPECT_THAT(inspected.out, testing::HasSubstr("error_bound"));
}

/// GeV in all 16 bits of an unsigned container, angles signed: each element has a type of its own on every way.
TEST_F(Ways, AFormulaOverInputsOfDifferentTypes) {
  std::ofstream(file("pair.txt")) << "input pt1, pt2, deta, dphi  # of a pair\n"
                                     "output mass = sqrt(2*pt1*pt2*(cosh(deta) - cos(dphi)))  # GeV\n"
                                     "output delta_r = hypot(deta, dphi)\n";
  std::ofstream(file("pair.yml")) << "Formula:\n"
                                     "  InputPrecision: {pt: 'ap_ufixed<16,12,AP_RND,AP_SAT>', deta: 'ap_fixed<13,4>', "
                                     "dphi: 'ap_fixed<12,3>'}\n  OutputError: {mass: 0.1}\n";
  std::ofstream events(file("pairs.csv"));
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    const auto uniform = [&](double low, double high) { return std::uniform_real_distribution(low, high)(random); };
    events << uniform(0, 5000) << "," << uniform(0, 40) << "," << uniform(-7, 7) << "," << uniform(-3.2, 3.2) << "\n";
  }
  events.close();
  expect_equal(file("pair.txt") + " --config " + file("pair.yml"), file("pairs.csv"));
  const Outcome inspected = run("inspect " + file("model.xclbin"));
  EXPECT_THAT(inspected.out, testing::ContainsRegex("0  pt1 +ap_ufixed<16,12,AP_RND,AP_SAT>"));
  EXPECT_THAT(inspected.out, testing::ContainsRegex("3  dphi +ap_fixed<12,3>"));
  EXPECT_THAT(inspected.out, testing::ContainsRegex("mass +ap_u?fixed<.*  = sqrt\\(2\\*pt1\\*pt2\\*\\(cosh"));
  EXPECT_THAT(inspected.out, testing::HasSubstr("= hypot(deta, dphi)\n"));
  EXPECT_THAT(inspected.out, testing::HasSubstr("error_bound: mass: "));
  const Outcome checked = run("check " + file("model.xclbin") + " " + file("pairs.csv"));
  EXPECT_THAT(checked.out, testing::ContainsRegex("    delta_r +largest "));
}

TEST_F(Ways, AHallOfFameAgreesInEveryWayOnAllJets) {
  NEED_SHARED_DATA();
  expect_equal(shared_data() + "/models/symbolic/own_expressions.csv --select all --inputs 'x[16]'",
               shared_data() + kJets);
}

TEST_F(Ways, FormulasInHls4mlsArithmeticGiveItsBitsOnAllJets) {
  NEED_SHARED_DATA();
  std::ofstream(file("config.yml"))
      << "Formula: {Compatibility: hls4ml, Precision: 'ap_fixed<16,6>', Tables: {Size: 1024, From: -8, To: 8}}\n";
  const std::string models = shared_data() + "/models/symbolic/";
  expect_equal(models + "jets_expressions.txt --config " + file("config.yml"),
               shared_data() + kJets + " --expected " +
                   scores(models + "expected/jets_expressions__hls4ml_lut_16_6_n1024_r8", "score"));
}

TEST_F(Ways, AKalmanFilterAgreesInEveryWayOnItsMuons) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/kalman/";
  for (const char* filter : {"kalman.formula", "kalman_typed.formula"})
    expect_equal(data + filter + " --input-type 'ap_fixed<16,1>'", data + "muons.npy --raw-in");
}

TEST_F(Ways, TheSampleNetworkGivesItsFrameworksBits) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/jets/";
  const auto expected = io::read_npy(data + "expected_hgq.npy");
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_TRUE(io::write_npy(file("expected.npy"), io::Array::of(expected->shape(), expected->numbers())).ok());
  expect_equal(data + "jets_hgq.keras --input-type 'ap_fixed<16,6>'",
               data + "features.npy --raw-in --labels " + data + "labels.npy --expected " + file("expected.npy"));
}

TEST_F(Ways, TheSampleFloatNetworkAgreesInEveryWay) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/jets/";
  expect_equal(data + "jets_float.keras --input-type 'ap_fixed<16,6>'",
               data + "features.npy --raw-in --labels " + data + "labels.npy");
}

TEST_F(Ways, TwoInputsAndTwoOutputsRunFromAndToNpz) {
  const std::string data = STROBE_SOURCE_DIR "/tests/data/two_branch/";
  expect_equal(data + "two_branch.keras", data + "events.npz");
  const Outcome scored = run("run " + file("model.xclbin") + " " + data + "events.npz -o " + file("scores.npz"));
  ASSERT_EQ(scored.status, 0) << scored.err;
  EXPECT_THAT(scored.out, testing::HasSubstr("xrt:0"));
  const auto scores = io::read_npz(file("scores.npz"));
  const auto expected = io::read_npz(data + "expected.npz");
  ASSERT_TRUE(scores.ok() && expected.ok());
  ASSERT_EQ(scores->size(), 2U);
  for (const auto& [name, values] : *expected) {
    const auto it = std::find_if(scores->begin(), scores->end(), [&](const auto& s) { return s.name == name; });
    ASSERT_NE(it, scores->end()) << name;
    for (int64_t i = 0; i < values.elements(); ++i)
      ASSERT_NEAR(it->array.number(i), values.number(i), 0.02) << name << " " << i;
  }
}

/// A network with a compute unit to spare, a forest, a formula, and a network of other inputs, in one xclbin.
class SeveralModels : public Ways {
 protected:
  void SetUp() override {
    Ways::SetUp();
    models_["cut"] = file("cut.txt");
    std::ofstream(models_["cut"]) << "input x[16]\nx[14] > 0.5 & abs(x[15]) < 1\nx[0] * x[14] + 0.5\n";
    for (const auto& [name, model] : models_) all_ += " " + name + "=" + model;
  }

  const std::string data_ = STROBE_SOURCE_DIR "/tests/data/";
  std::map<std::string, std::string> models_ = {{"branches", data_ + "two_branch/two_branch.keras"},
                                                {"forest", data_ + "jets/jets_forest.json"},
                                                {"hgq", data_ + "jets/jets_hgq.keras"}};
  const std::string jets_ = data_ + "jets/features.npy --raw-in";
  const std::string types_ = " --input-type forest='ap_fixed<16,6>' --input-type hgq='ap_fixed<16,6>'";
  std::string all_;
};

TEST_F(SeveralModels, GiveTheBitsThatEachGivesAlone) {
  const Outcome compiled =
      run("compile" + all_ + types_ + " --compute-units hgq=2 --target sw_emu -o " + file("model.xclbin"));
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  EXPECT_THAT(compiled.out, testing::HasSubstr("kernel hgq: "));
  EXPECT_THAT(compiled.out, testing::HasSubstr("2 compute units"));
  for (const auto& [name, model] : models_) {
    const bool is_jets = name != "branches";
    const std::string type = is_jets ? " --input-type 'ap_fixed<16,6>'" : "",
                      scores = is_jets ? "scores.npy" : "scores.npz";
    ASSERT_EQ(run("compile " + model + type + " --target emulator -o " + file("alone.xclbin")).status, 0);
    const std::string end = " " + (is_jets ? jets_ : data_ + "two_branch/events.npz") + " --raw-out -o ";
    const Outcome alone = run("run " + file("alone.xclbin") + end + file("alone_" + scores));
    ASSERT_EQ(alone.status, 0) << alone.err;
    const Outcome together = run("run " + file("model.xclbin") + " --model " + name + end + file("together_" + scores));
    ASSERT_EQ(together.status, 0) << together.err;
    EXPECT_THAT(together.out, testing::HasSubstr("xrt:0"));
    EXPECT_EQ(slurp(file("together_" + scores)), slurp(file("alone_" + scores))) << name;
  }
}

TEST_F(SeveralModels, AreCheckedWhereTheEventsFit) {
  ASSERT_EQ(run("compile" + all_ + types_ + " --target sw_emu -o " + file("model.xclbin")).status, 0);
  const Outcome jets =
      run("check " + file("model.xclbin") + " " + jets_ + " --json --labels " + data_ + "jets/labels.npy");
  ASSERT_EQ(jets.status, 0) << jets.out << jets.err;
  const auto reports = nlohmann::json::parse(jets.out);
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[0]["model"], "cut");  // has no five classes, so no labels
  EXPECT_EQ(reports[1]["model"], "forest");
  EXPECT_EQ(reports[2]["model"], "hgq");
  for (const size_t m : {1, 2}) EXPECT_GT(reports[m]["outputs"][0]["accuracy"]["fixed"], 0.64);
  for (const auto& report : reports) {
    for (const auto& way : report["ways"]) EXPECT_THAT(way["state"], testing::AnyOf("equal", "defines")) << way;
  }
  EXPECT_THAT(jets.err, testing::AllOf(testing::HasSubstr("branches: "), testing::HasSubstr("cut: without labels: ")));
  const Outcome branches = run("check " + file("model.xclbin") + " " + data_ + "two_branch/events.npz");
  EXPECT_EQ(branches.status, 0) << branches.out << branches.err;
  EXPECT_THAT(branches.out, testing::HasSubstr("model branches"));
  const Outcome none = run("check " + file("model.xclbin") + " " + data_ + "jets/labels.npy");
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, testing::AllOf(testing::HasSubstr("fits none of the models"), testing::HasSubstr("  hgq: ")));
}

TEST_F(SeveralModels, AreToldApart) {
  const std::string emulator = " --target emulator -o " + file("model.xclbin");
  ASSERT_EQ(run("compile" + all_ + emulator).status, 0);
  const Outcome listed = run("inspect " + file("model.xclbin"));
  EXPECT_THAT(listed.out, testing::HasSubstr("4 models"));
  for (const auto& [name, model] : models_) EXPECT_THAT(listed.out, testing::HasSubstr("\n  " + name + " "));
  const Outcome shown = run("inspect " + file("model.xclbin") + " --model hgq");
  EXPECT_THAT(shown.out, testing::HasSubstr("model hgq (jets_hgq)"));
  EXPECT_THAT(shown.out, testing::Not(testing::HasSubstr("input tracks")));
  struct Mistake {
    std::string arguments, words;
  };
  const std::string a = data_ + "jets/jets_hgq.keras";
  for (const Mistake& mistake : {
           Mistake{"compile " + a + " " + a + emulator, "both become kernel 'jets_hgq'"},
           Mistake{"compile x=" + a + " x=" + a + emulator, "two models are named 'x'"},
           Mistake{"compile x=" + a + " --compute-units y=2" + emulator, "no model was given as y=FILE; named are x"},
           Mistake{"compile x=" + a + " --compute-units x=65" + emulator, "a number from 1 to 64, found '65'"},
           Mistake{"compile " + a + " --input-type 'ap_fixed<8,4>' --input-type 'ap_fixed<8,3>'" + emulator,
                   "--input-type: given twice for all models"},
           Mistake{"compile x=" + a + " y=" + a + " --name z" + emulator, "--name: is for one model"},
           Mistake{"compile x=" + a + " y=" + data_ + "jets/none.keras" + emulator, "none.keras"},
           Mistake{"run " + file("model.xclbin") + " " + jets_, "name one of: branches, cut, forest, hgq"},
           Mistake{"inspect " + file("model.xclbin") + " --model x",
                   "holds no model 'x'; it has: branches, cut, forest, hgq"},
       }) {
    const Outcome outcome = run(mistake.arguments);
    EXPECT_EQ(outcome.status, 1) << mistake.arguments;
    EXPECT_THAT(outcome.err, testing::HasSubstr(mistake.words)) << mistake.arguments;
  }
}

TEST_F(Ways, WeightsFoundBesideAConfigurationAreInTheProvenance) {
  NEED_SHARED_DATA();
  const std::string keras = shared_data() + "/models/keras/qkeras_3layer";
  for (const std::string& named : {std::string(), " --weights " + keras + "_weights.h5"}) {
    ASSERT_EQ(run("compile " + keras + ".json" + named + " --target emulator -o " + file("model.xclbin")).status, 0);
    const Outcome shown = run("inspect " + file("model.xclbin") + " --json");
    const auto provenance = nlohmann::json::parse(shown.out)["models"][0]["provenance"];
    EXPECT_EQ(provenance["weights_file"], "qkeras_3layer_weights.h5");
    EXPECT_EQ(provenance["weights_sha256"].get<std::string>().size(), 64U);
  }
}

TEST_F(Ways, CompilingTwiceGivesTheSameBytes) {
  const std::string model = STROBE_SOURCE_DIR "/tests/data/jets/jets_hgq.keras";
  for (const char* name : {"a.xclbin", "b.xclbin"}) {
    ASSERT_EQ(run("compile " + model + " --target emulator -o " + file(name)).status, 0);
  }
  EXPECT_EQ(slurp(file("a.xclbin")), slurp(file("b.xclbin")));
}

}  // namespace
}  // namespace strobe
