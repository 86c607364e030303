// Real dumps of the trigger, and real jets as pattern files and over TCP.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "tests/system/scout_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_F(Scout, DecodesTheRealMuonDumpToItsLastByte) {
  NEED_SHARED_DATA();
  const json account = account_of("sources: [{format: tkmuon, from: " + shared_data() +
                                  "/scouting/phase2_tkmuons_tmux18.dump}]\nwrite: [{kind: npy, to: @/written}]\n");
  const json& source = account["sources"][0];
  EXPECT_EQ(source["bytes"]["out"], 497888);
  EXPECT_EQ(source["orbits"]["out"], 100);
  EXPECT_EQ(source["crossings"]["out"], 19800);
  EXPECT_EQ(source["objects"], 25813);
  EXPECT_TRUE(source["faults"].empty());
}

TEST_F(Scout, ReportsTheRealDthDumpsLastOrbitAsTruncated) {
  NEED_SHARED_DATA();
  const json account = account_of("sources: [{format: puppi-dth, from: " + shared_data() +
                                  "/scouting/phase2_dth256_tmux6.data.gz}]\nquarantine: @/bad\n");
  const json& source = account["sources"][0];
  EXPECT_EQ(source["orbits"]["out"], 14);
  EXPECT_EQ(source["orbits"]["dropped"], json({{"truncated", 1}}));
  EXPECT_EQ(source["bytes"]["in"], 1048576);
  EXPECT_EQ(account["quarantine"]["records"], 1);
}

struct JetsCase {
  const char* name;
  const char* compile;   ///< "$" stands for the reference data
  const char* expected;  ///< the peer's files below the reference data
  const char* array;
};

class ScoutJets : public Scout, public ::testing::WithParamInterface<JetsCase> {
 protected:
  /// Compiles the model and writes the configuration of a node that reads the jets from `from`.
  std::string prepare(const std::string& from) {
    const JetsCase& tested = GetParam();
    const bool configured = std::string(tested.compile).find("CONFIG") != std::string::npos;
    const std::string config = configured ? configuration(shared_data() + tested.expected) : "";
    EXPECT_EQ(strobe("compile jets=" + absl::StrReplaceAll(tested.compile, {{"$", shared_data()}, {"CONFIG", config}}) +
                     " --input-type 'ap_fixed<16,6>' --target emulator -o " + file("jets.xclbin")),
              0)
        << error_;
    return node("sources: [{format: pattern, from: \"" + from +
                "\"}]\n"
                "models:\n  - {name: jets, xclbin: @/jets.xclbin, inputs: [\"link[0:16].s0\"], encoding: raw}\n"
                "require: exists(link[0])\nwrite: [{kind: npy, to: @/written}]\n");
  }
  /// The scores that the run wrote are the peer's, in order.
  void expect_the_peers_scores() const {
    const auto peers = io::read_npy(scores(shared_data() + GetParam().expected, GetParam().array));
    ASSERT_TRUE(peers.ok()) << peers.status();
    const std::vector<double> expected = peers->numbers();
    std::vector<double> found;
    for (const auto& entry : fs::recursive_directory_iterator(file("written"))) {
      if (entry.path().filename() != "values.npy") continue;
      const auto column = io::read_npy(entry.path());
      ASSERT_TRUE(column.ok()) << column.status();
      found = column->numbers();
    }
    EXPECT_EQ(found, expected);
  }
};

TEST_P(ScoutJets, FromAPatternFileGetThePeersScores) {
  NEED_SHARED_DATA();
  const std::string config = prepare(shared_data() + "/jets/emp_pattern_v1_input.txt.gz");
  ASSERT_EQ(strobe("scout --config " + config), 0) << error_;
  expect_the_peers_scores();
}

TEST_P(ScoutJets, OverTcpGetThePeersScores) {
  NEED_SHARED_DATA();
  const std::string config = prepare("tcp-listen://127.0.0.1:0");
  const pid_t running = start_strobe({"scout", "--json", "--config", config}, file("printed"));
  const std::string address = address_of(file("printed"));
  ASSERT_EQ(std::system(("zcat " + shared_data() + "/jets/emp_pattern_v1_input.txt.gz > " + file("jets.txt")).c_str()),
            0);
  const std::string text = slurp(file("jets.txt"));
  const int sender = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int port = 0;
  ASSERT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  to.sin_port = htons(static_cast<uint16_t>(port));
  ASSERT_EQ(::connect(sender, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::send(sender, text.data() + sent, std::min<size_t>(text.size() - sent, 5000), MSG_NOSIGNAL);
    ASSERT_GT(count, 0);
    sent += static_cast<size_t>(count);
  }
  ::shutdown(sender, SHUT_WR);
  char nothing;
  EXPECT_EQ(::recv(sender, &nothing, 1, 0), 0);  // the node has read all of it, and closed its side
  ::close(sender);
  ::kill(running, SIGTERM);
  EXPECT_EQ(status_of(running), 0) << slurp(file("printed"));
  expect_the_peers_scores();
}

INSTANTIATE_TEST_SUITE_P(
    Models, ScoutJets,
    ::testing::Values(JetsCase{"hgq2571", "$/models/hgq/jsc_openml_ebops2571.keras",
                               "/models/hgq/expected/jsc_openml_ebops2571", "keras_output"},
                      JetsCase{"qkeras_3layer",
                               "$/models/keras/qkeras_3layer.json --weights $/models/keras/qkeras_3layer_weights.h5 "
                               "--config CONFIG",
                               "/models/keras/expected/qkeras_3layer__auto", "output"}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace strobe
