// Models in the pipeline: devices that agree, die and stay away, and shadows.
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/system/scout_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

/// What does not depend on how long things took and on where they ran.
json decisions(json account) {
  for (const char* key : {"seconds", "latency_us", "queues"}) account.erase(key);
  for (json& model : account["models"]) {
    for (const char* key : {"device", "batches", "retries"}) model.erase(key);
  }
  return account;
}

/// A node with the sample jet network on 16 integers of a crossing's muons: any model serves to compare devices.
std::string muon_node(const std::string& device, const std::string& more) {
  return "sources: [{format: gmt, from: @/muons.dat}]\n"
         "select: {all: {from: muon, sort: pt, first: 4}}\n"
         "require: count(all) >= 1\n"
         "models:\n  - {name: net, xclbin: @/net.xclbin, device: \"" +
         device +
         "\", encoding: raw,\n     inputs: [\"all[0:4].(pt, eta, phi, quality)\"]}\n"
         "keep: {where: \"net[0] > net[1]\", prescale: 10}\n" +
         more;
}

class ScoutDevices : public Scout {
 protected:
  void compile(const std::string& target) {
    ASSERT_EQ(strobe("compile " + kSampleData + "jets_hgq.keras --input-type 'ap_fixed<16,6>' --target " + target +
                     " -o " + file("net.xclbin")),
              0)
        << error_;
  }
  std::string raw_files() const {
    std::string all;
    for (const auto& entry : fs::directory_iterator(file("written"))) {
      EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
      all += slurp(entry.path());
    }
    return all;
  }
};

TEST_F(ScoutDevices, DecideAlikeInEveryBit) {
  generate("--orbits 60 --mean 0.5 -o " + file("muons.dat"));
  compile("sw_emu");
  std::vector<json> accounts;
  std::vector<std::string> files;
  for (const char* device : {"emulator", "xrt:0", "opencl:0"}) {
    accounts.push_back(
        decisions(account_of(muon_node(device, "write: [{kind: raw, to: @/written}]\nbatch_orbits: 7\n"))));
    files.push_back(raw_files());
    fs::remove_all(file("written"));
  }
  EXPECT_GT(accounts[0]["keep_crossings"]["out"], 100);
  EXPECT_GT(accounts[0]["keep_crossings"]["rejected"], 100);
  EXPECT_EQ(accounts[1], accounts[0]);
  EXPECT_EQ(accounts[2], accounts[0]);
  EXPECT_FALSE(files[0].empty());
  EXPECT_EQ(files[1], files[0]);
  EXPECT_EQ(files[2], files[0]);
}

TEST_F(ScoutDevices, ThatDieLoseNothing) {
  generate("--orbits 400 --mean 0.3 -o " + file("muons.dat"));
  compile("sw_emu");
  const json whole = decisions(account_of(muon_node("emulator", "write: [{kind: raw, to: @/written}]\n")));
  const std::string files = raw_files();
  fs::remove_all(file("written"));
  // At the LHC's rate the run takes long enough to be hit in the middle of it.
  const std::string config =
      node(absl::StrReplaceAll(muon_node("xrt:0", "write: [{kind: raw, to: @/written}]\nbatch_orbits: 1\n"),
                               {{"muons.dat}", "muons.dat, rate: 0.02}"}}));
  const pid_t running = start_strobe({"scout", "--json", "--config", config}, file("printed"));
  wait_for("source '", file("printed"));
  int killed = 0;
  for (int look = 0; look < 400 && killed == 0 && !ends_within(running, std::chrono::milliseconds(5)); ++look)
    killed += std::system(absl::StrCat("pkill -KILL -P ", running).c_str()) == 0;
  EXPECT_GT(killed, 0);
  EXPECT_EQ(status_of(running), 0) << slurp(file("printed"));
  EXPECT_EQ(decisions(account_in(file("printed"))), whole) << slurp(file("printed"));
  EXPECT_EQ(raw_files(), files);
}

TEST_F(ScoutDevices, ThatStayAwayEndTheRunWithAnAccountThatAddsUp) {
  generate("--orbits 50 --mean 0.3 -o " + file("muons.dat"));
  compile("emulator");
  // The xclbin has no kernel for a card: the device never comes up.
  EXPECT_EQ(strobe("scout --config " + node(muon_node("xrt:0", ""))), 1);
  EXPECT_THAT(error_, HasSubstr("node.yml:5:"));
  EXPECT_THAT(error_, HasSubstr("model 'net'"));
}

TEST_F(ScoutDevices, AShadowModelIsComparedAndDecidesNothing) {
  generate("--orbits 40 --mean 0.5 -o " + file("muons.dat"));
  compile("emulator");
  const std::string alone = muon_node("emulator", "");
  const auto with_shadow = [&](const std::string& inputs) {
    return absl::StrReplaceAll(alone, {{"keep:",
                                        "  - {name: other, xclbin: @/net.xclbin, shadow_of: net, encoding: raw,\n"
                                        "     inputs: [\"" +
                                            inputs + "\"]}\nkeep:"}});
  };
  const json plain = account_of(alone);
  const json same = account_of(with_shadow("all[0:4].(pt, eta, phi, quality)"));
  EXPECT_EQ(same["keep_crossings"], plain["keep_crossings"]);
  EXPECT_EQ(same["shadows"][0]["rows"], plain["models"][0]["rows"]["in"]);
  EXPECT_EQ(same["shadows"][0]["rows_differ"], 0);
  EXPECT_EQ(same["shadows"][0]["decisions_differ"], 0);
  const json other = account_of(with_shadow("all[0:4].(eta, pt, phi, quality)"));
  EXPECT_EQ(other["keep_crossings"], plain["keep_crossings"]);
  EXPECT_GT(other["shadows"][0]["rows_differ"], 0);
  EXPECT_EQ(other["shadows"][0]["decisions_differ"], other["shadows"][0]["kept_by_model_alone"].get<int>() +
                                                         other["shadows"][0]["kept_by_shadow_alone"].get<int>());
}

}  // namespace
}  // namespace strobe
