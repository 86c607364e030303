/// Forests in the reloadable engine, as a user runs them: the fixed forest's bits in every way, forests changed without
/// another xclbin, and what does not fit or is damaged refused.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/io/files.h"
#include "tests/system/program_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const char kShape[] = "engines=8,nodes=4096,features=40,outputs=8";

class ForestEngine : public ProgramTest {
 protected:
  void succeed(const std::string& arguments) {
    ASSERT_EQ(strobe(arguments), 0) << arguments << "\n" << output_ << error_;
  }

  void make_engine(const std::string& options = "--target sw_emu") {
    succeed(std::string("compile --engine ") + kShape + " " + options + " -o " + file("engine.xclbin"));
  }

  /// The forest as an xclbin of its own and as a file for the engine; `scores` take the former's.
  void make_forest(const std::string& name, const std::string& model, const std::string& options,
                   const std::string& events) {
    succeed("compile " + model + " " + options + " --target emulator -o " + file(name + ".xclbin"));
    succeed("compile " + model + " " + options + " --for " + file("engine.xclbin") + " -o " + file(name + ".sfi"));
    succeed("run " + file(name + ".xclbin") + " " + events + " --raw-out -o " + file(name + ".npy"));
  }

  /// The engine gives the bits of the forest's own xclbin on that device.
  void expect_fixed_bits(const std::string& name, const std::string& events, const std::string& device) {
    fs::remove(file("found.npy"));
    succeed("run " + file("engine.xclbin") + " " + events + " --forest " + file(name + ".sfi") + " --device " + device +
            " --raw-out -o " + file("found.npy"));
    EXPECT_THAT(output_, HasSubstr("device: " + device));
    EXPECT_EQ(slurp(file("found.npy")), slurp(file(name + ".npy"))) << name << " on " << device;
  }

  void expect_fixed_bits_everywhere(const std::string& name, const std::string& events) {
    for (const char* device : {"emulator", "xrt:0", "opencl:0"}) expect_fixed_bits(name, events, device);
  }

  void expect_problem(const std::string& arguments, const std::string& words) {
    EXPECT_EQ(strobe(arguments), 1) << arguments << "\n" << output_;
    EXPECT_THAT(error_, HasSubstr(words)) << arguments;
  }
};

TEST_F(ForestEngine, GivesTheSampleForestsBitsInEveryWay) {
  make_engine();
  const std::string events = kSampleData + "features.npy --raw-in";
  make_forest("fixed", kSampleData + "jets_forest.json", "--input-type 'ap_fixed<16,6>'", events);
  expect_fixed_bits_everywhere("fixed", events);
  EXPECT_EQ(strobe("check " + file("engine.xclbin") + " " + events + " --forest " + file("fixed.sfi") + " --labels " +
                   kSampleData + "labels.npy --json"),
            0)
      << output_ << error_;
  const auto report = nlohmann::json::parse(output_);
  size_t equal = 0;
  for (const auto& way : report["ways"]) {
    EXPECT_THAT(way["state"], testing::AnyOf("equal", "defines")) << way;
    equal += way["state"] == "equal" ? 1 : 0;
  }
  EXPECT_EQ(equal, 4U) << output_;  // emulator, HLS, XRT, OpenCL
}

TEST_F(ForestEngine, TakesForestsOfEveryKindOneAfterTheOther) {
  NEED_SHARED_DATA();
  make_engine();
  const std::string trees = shared_data() + "/models/trees/";
  const std::string jets = shared_data() + "/jets/features_fixed16_6.npy --raw-in";
  make_forest("jets", trees + "jets_xgboost.json", "--input-type 'ap_fixed<16,6>'", jets);
  std::ofstream(file("conifer.yml")) << "{Compatibility: conifer, Precision: 'ap_fixed<18,8>'}";
  make_forest("conifer", trees + "jets_xgboost_conifer.json", "--config " + file("conifer.yml"), jets);
  expect_fixed_bits_everywhere("jets", jets);
  expect_fixed_bits_everywhere("conifer", jets);
  for (const char* name : {"xgb_missing", "lgb_categorical", "lgb_missing", "xgb_categorical", "skl_rf_multi"}) {
    const auto arrays = io::read_npz(trees + "expected/" + name + "__framework.npz");
    ASSERT_TRUE(arrays.ok()) << arrays.status();
    for (const auto& [array, values] : *arrays) {
      if (array != "inputs") continue;
      ASSERT_TRUE(io::write_npy(file("events.npy"), io::Array::of(values.shape(), values.numbers())).ok());
    }
    for (const char* type : {".json", ".txt", ".onnx"}) {
      if (!fs::exists(trees + name + type)) continue;
      make_forest(name, trees + name + type, "", file("events.npy"));
    }
    expect_fixed_bits_everywhere(name, file("events.npy"));
  }
}

TEST_F(ForestEngine, SaysWhatItHolds) {
  make_engine("--target emulator");
  make_forest("fixed", kSampleData + "jets_forest.json", "", kSampleData + "features.npy --raw-in");
  succeed("inspect " + file("engine.xclbin"));
  EXPECT_THAT(output_, HasSubstr("takes forests of up to 8 engines of 4096 nodes, 40 features, 8 outputs (--forest)"));
  EXPECT_THAT(output_, HasSubstr("argument forest"));
  succeed("inspect " + file("fixed.sfi"));
  EXPECT_THAT(output_, testing::AllOf(HasSubstr("planned (longest walk, not synthesised): II "),
                                      HasSubstr("float32 keys"), HasSubstr("trees, depth")));
  succeed("inspect " + file("fixed.sfi") + " --json");
  const auto json = nlohmann::json::parse(output_);
  EXPECT_EQ(json["engine"]["features"], 16);
  EXPECT_GT(json["engine"]["planned"]["initiation_interval"].get<int>(), 0);
}

TEST_F(ForestEngine, RefusesWhatItCannotTakeByName) {
  make_engine("--target emulator");
  const std::string events = kSampleData + "features.npy --raw-in", forest = kSampleData + "jets_forest.json";
  make_forest("fixed", forest, "", events);
  const std::string engine = file("engine.xclbin"), made = " -o " + file("x.sfi");
  expect_problem("run " + engine + " " + events, "is a forest engine without a forest; name one with --forest");
  expect_problem("check " + engine + " " + events, "is a forest engine without a forest");
  expect_problem("run " + file("fixed.xclbin") + " " + events + " --forest " + file("fixed.sfi"),
                 "holds no forest engine");
  expect_problem("run " + engine + " " + events + " --forest " + forest, "strobe compile FOREST --for ENGINE.xclbin");
  expect_problem("compile " + forest + " --for " + file("fixed.xclbin") + made, "holds no forest engine");
  expect_problem("compile " + kSampleData + "jets_hgq.keras --for " + engine + made,
                 "a forest engine does not compute layer");
  std::ofstream(file("p.yml")) << "Output: probabilities";
  expect_problem("compile " + forest + " --config " + file("p.yml") + " --for " + engine + made,
                 "a forest engine does not compute layer");
  succeed("compile --engine engines=2,nodes=64,features=16,outputs=5 --target emulator -o " + file("small.xclbin"));
  expect_problem("compile " + forest + " --for " + file("small.xclbin") + made, "2 memories of 64 nodes");
  expect_problem("run " + file("small.xclbin") + " " + events + " --forest " + file("fixed.sfi"),
                 "the engine holds engines=2,nodes=64,features=16,outputs=5; the forest needs engines=");
  succeed("compile --engine features=8 --target emulator -o " + file("narrow.xclbin"));
  expect_problem("compile " + forest + " --for " + file("narrow.xclbin") + made, "takes 8 features and 8 outputs; the");
  expect_problem("compile --engine engines=0 -o " + file("x.xclbin"), "engines: expected 1 to 64, found 0");
  expect_problem("compile --engine trees=3 -o " + file("x.xclbin"), "found 'trees=3'");
  EXPECT_FALSE(fs::exists(file("x.sfi")));
}

TEST_F(ForestEngine, RefusesDamagedForests) {
  make_engine("--target emulator");
  const std::string events = kSampleData + "features.npy --raw-in";
  make_forest("fixed", kSampleData + "jets_forest.json", "", events);
  const std::string good = slurp(file("fixed.sfi"));
  const std::string run = "run " + file("engine.xclbin") + " " + events + " --forest " + file("bad.sfi");
  const auto put = [&](const std::string& bytes) { std::ofstream(file("bad.sfi"), std::ios::binary) << bytes; };
  put(good.substr(0, good.size() / 2));
  expect_problem(run, "bad.sfi: forest file: has ");
  std::string damaged = good;
  damaged[200] = static_cast<char>(damaged[200] ^ 1);
  put(damaged);
  expect_problem(run, "bad.sfi: forest image: is damaged");
  damaged = good;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  put(damaged);
  expect_problem(run, "bad.sfi: forest file: is damaged");
  damaged = good;
  damaged[8] = 9;
  put(damaged);
  expect_problem(run, "bad.sfi: forest file: has version 9, this strobe knows up to 1");
  put("");
  expect_problem(run, "bad.sfi: forest file: does not begin as one");
}

/// The project's own C simulation, with a forest that is drawn for it.
TEST_F(ForestEngine, SimulatesItsProject) {
  succeed("compile --engine engines=3,nodes=50,features=7,outputs=2 --target emulator --project " + file("project") +
          " -o " + file("engine.xclbin"));
  const std::string make = "make -C " + file("project") + " csim >" + file("make.log") + " 2>&1";
  EXPECT_EQ(std::system(make.c_str()), 0) << slurp(file("make.log"));
  EXPECT_THAT(slurp(file("make.log")), HasSubstr("scores: 0 of 128 values differ"));
}

/// A network and an engine on one card.
TEST_F(ForestEngine, SitsBesideANetwork) {
  succeed("compile hgq=" + kSampleData + "jets_hgq.keras --input-type hgq='ap_fixed<16,6>' --engine " + kShape +
          " --compute-units forest_engine=2 --target sw_emu -o " + file("engine.xclbin"));
  EXPECT_THAT(output_, HasSubstr("kernel forest_engine: 1 layer"));
  const std::string events = kSampleData + "features.npy --raw-in";
  make_forest("fixed", kSampleData + "jets_forest.json", "--input-type 'ap_fixed<16,6>'", events);
  const std::string forest = " --model forest_engine --forest " + file("fixed.sfi");
  succeed("run " + file("engine.xclbin") + " " + events + forest + " --raw-out -o " + file("found.npy"));
  EXPECT_THAT(output_, HasSubstr("xrt:0"));
  EXPECT_EQ(slurp(file("found.npy")), slurp(file("fixed.npy")));
  succeed("check " + file("engine.xclbin") + " " + events + " --model hgq --expected " + kSampleData +
          "expected_hgq.npy");
}

}  // namespace
}  // namespace strobe
