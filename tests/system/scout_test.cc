// The scouting pipeline as a user runs it: real dumps, generated streams, damage, signals, lost devices, full disks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/host/http/raw_client.h"
#include "tests/system/background.h"
#include "tests/system/peer_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class Scout : public PeerTest {
 protected:
  /// Writes a configuration; "@" stands for this test's folder.
  std::string node(const std::string& yaml) const {
    put("node.yml", absl::StrReplaceAll(yaml, {{"@", folder_.string()}}));
    return file("node.yml");
  }
  /// Runs a configuration to its end and returns its account.
  json account_of(const std::string& yaml, int expected_status = 0) {
    EXPECT_EQ(strobe("scout --json --config " + node(yaml)), expected_status) << error_;
    return json::parse(output_, nullptr, false);
  }
  void generate(const std::string& arguments) {
    ASSERT_EQ(strobe("scout generate --format gmt --seed 11 " + arguments), 0) << error_;
  }
  /// Waits until a background run has printed a whole line with `words`; what stands behind them in it.
  static std::string wait_for(const std::string& words, const std::string& printed) {
    for (int look = 0; look < 20000; ++look) {
      const std::string text = slurp(printed);
      const size_t at = text.find(words), end = text.find('\n', at);
      if (at != std::string::npos && end != std::string::npos)
        return text.substr(at + words.size(), end - at - words.size());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "no '" << words << "' in: " << slurp(printed);
    return "";
  }
  /// The address that a background run's source listens on.
  static std::string address_of(const std::string& printed) { return wait_for("tcp-listen://", printed); }
  /// A background run's account, printed at its end.
  static json account_in(const std::string& printed) {
    const std::string text = slurp(printed);
    const size_t begin = text.find("{\n");
    return begin == std::string::npos ? json()
                                      : json::parse(text.substr(begin, text.rfind("}\n") + 1 - begin), nullptr, false);
  }
};

/// What does not depend on how long things took and on where they ran.
json decisions(json account) {
  for (const char* key : {"seconds", "latency_us", "queues"}) account.erase(key);
  for (json& model : account["models"]) {
    for (const char* key : {"device", "batches", "retries"}) model.erase(key);
  }
  return account;
}

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

TEST_F(Scout, StopsAtAnOrbitsBorderOnSigterm) {
  const std::string config =
      node("sources: [{format: gmt, from: \"tcp-listen://127.0.0.1:0\"}]\nwrite: [{kind: raw, to: @/written}]\n");
  const pid_t running = start_strobe({"scout", "--json", "--config", config}, file("printed"));
  const std::string address = address_of(file("printed"));
  const pid_t sender =
      start_strobe({"scout", "generate", "--format", "gmt", "--pool", "16", "-o", "tcp://" + address}, file("sent"));
  for (int look = 0; look < 2000 && !fs::exists(file("written")); ++look)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ::kill(running, SIGTERM);
  EXPECT_EQ(status_of(running), 0) << slurp(file("printed"));
  ::kill(sender, SIGTERM);
  status_of(sender);
  const json account = account_in(file("printed"));
  const uint64_t written = account["write_orbits"]["out"];
  EXPECT_GT(written, 10);
  EXPECT_EQ(account["sources"][0]["orbits"]["dropped"], json::object());
  // The file that it left is whole: read back, it has as many orbits.
  std::string raw;
  for (const auto& entry : fs::directory_iterator(file("written"))) raw = entry.path();
  const json again = account_of("sources: [{format: gmt-zs, from: " + raw + "}]\n");
  EXPECT_EQ(again["sources"][0]["orbits"]["out"], written);
  EXPECT_EQ(again["sources"][0]["crossings"]["out"], account["write_crossings"]["out"]);
  EXPECT_TRUE(again["sources"][0]["faults"].empty());
}

TEST_F(Scout, KilledInTheMiddleOfAFileLeavesItsWholeOrbits) {
  const std::string config =
      node("sources: [{format: gmt, from: \"tcp-listen://127.0.0.1:0\"}]\nwrite: [{kind: raw, to: @/written}]\n");
  const pid_t running = start_strobe({"scout", "--config", config}, file("printed"));
  const std::string address = address_of(file("printed"));
  const pid_t sender =
      start_strobe({"scout", "generate", "--format", "gmt", "--pool", "16", "-o", "tcp://" + address}, file("sent"));
  std::string part;
  for (int look = 0; look < 20000 && part.empty(); ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (!fs::exists(file("written"))) continue;
    for (const auto& entry : fs::directory_iterator(file("written"))) {
      if (entry.file_size() > 100'000) part = entry.path();
    }
  }
  ASSERT_FALSE(part.empty());
  ::kill(running, SIGKILL);
  status_of(running);
  ::kill(sender, SIGTERM);
  status_of(sender);
  EXPECT_TRUE(fs::path(part).filename().string().starts_with("."))
      << "a file that is not complete bears no name: " << part;
  // The next run in the same folder completes it.
  generate("--orbits 3 --first-orbit 600000 -o " + file("more.dat"));
  account_of("run: 2\nsources: [{format: gmt, from: @/more.dat}]\nwrite: [{kind: raw, to: @/written}]\n");
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(file("written"))) {
    ++files;
    const json again = account_of("sources: [{format: gmt-zs, from: " + entry.path().string() + "}]\n");
    EXPECT_TRUE(again["sources"][0]["faults"].empty()) << again;
    EXPECT_GE(again["sources"][0]["orbits"]["out"], 3);
  }
  EXPECT_EQ(files, 2);
}

TEST_F(Scout, TakesAReconnectingSenderWithoutLoss) {
  const std::string config = node("sources: [{format: gmt, from: \"tcp-listen://127.0.0.1:0\"}]\n");
  const pid_t running = start_strobe({"scout", "--json", "--config", config}, file("printed"));
  const std::string address = address_of(file("printed"));
  for (int sender = 0; sender < 3; ++sender)
    generate(absl::StrCat("--orbits 50 --first-orbit ", 1 + 50 * sender, " -o tcp://", address));
  ::kill(running, SIGTERM);
  EXPECT_EQ(status_of(running), 0);
  const json source = account_in(file("printed"))["sources"][0];
  EXPECT_EQ(source["orbits"]["out"], 150);
  EXPECT_GE(source["breaks"], 2);
  EXPECT_EQ(source["missing_orbits"], 0);
  EXPECT_TRUE(source["faults"].empty());
}

TEST_F(Scout, AFullDiskEndsTheRunAndIsCounted) {
  generate("--orbits 300 --mean 1 -o " + file("muons.dat"));
  const std::string config =
      node("sources: [{format: gmt, from: @/muons.dat}]\nwrite: [{kind: raw, to: @/written}]\nretry_seconds: 0\n");
  // A file may not grow beyond a megabyte here, as on a disk with no more room.
  const std::string limited = "sh -c 'ulimit -f 2000; exec " STROBE_PROGRAM " scout --json --config " + config + "' >" +
                              file("out.txt") + " 2>" + file("err.txt");
  EXPECT_NE(std::system(limited.c_str()), 0);
  const json account = json::parse(slurp(file("out.txt")), nullptr, false);
  ASSERT_FALSE(account.is_discarded()) << slurp(file("err.txt"));
  EXPECT_GT(account["write_orbits"]["out"], 10);
  EXPECT_GT(account["write_orbits"]["dropped"]["sink_failed"], 0);
  EXPECT_EQ(account["write_orbits"]["in"],
            account["write_orbits"]["out"].get<int>() + account["write_orbits"]["dropped"]["sink_failed"].get<int>());
  std::string raw;
  for (const auto& entry : fs::directory_iterator(file("written"))) raw = entry.path();
  const json again = account_of("sources: [{format: gmt-zs, from: " + raw + "}]\n");
  EXPECT_EQ(again["sources"][0]["orbits"]["out"], account["write_orbits"]["out"]);
  EXPECT_TRUE(again["sources"][0]["faults"].empty());
}

/// A peer of the TCP sink that takes what comes, `bytes` at a time with `pause` between, into a file.
class SlowPeer {
 public:
  SlowPeer(std::string file, size_t bytes, std::chrono::microseconds pause) : file_(std::move(file)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int small = 4096;
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    reader_ = std::thread([this, bytes, pause] {
      const int peer = ::accept(listener_, nullptr, nullptr);
      std::ofstream out(file_, std::ios::binary);
      std::vector<char> buffer(bytes);
      for (ssize_t got; (got = ::recv(peer, buffer.data(), buffer.size(), 0)) > 0;) {
        out.write(buffer.data(), got);
        std::this_thread::sleep_for(pause);
      }
      ::close(peer);
    });
  }
  ~SlowPeer() {
    if (reader_.joinable()) reader_.join();
    ::close(listener_);
  }
  int port() const { return port_; }
  /// After the sender has closed: all of it is in the file.
  void finish() { reader_.join(); }

 private:
  std::string file_;
  int listener_ = -1, port_ = 0;
  std::thread reader_;
};

TEST_F(Scout, DropsWholeOrbitsByPolicyWhileTheSinkIsSlow) {
  generate("--orbits 1500 --mean 1 -o " + file("muons.dat"));
  for (const char* threads : {"own", "receiver"}) {
    SlowPeer peer(file("taken.raw"), 16384, std::chrono::microseconds(500));
    const json account =
        account_of(absl::StrCat("sources: [{format: gmt, from: @/muons.dat}]\nslow: drop\nbatches: 2\n",
                                "batch_orbits: 2\nqueue_orbits: 4\nthreads: {work: ", threads,
                                "}\nwrite: [{kind: tcp, to: \"tcp://127.0.0.1:", peer.port(), "\"}]\n"));
    peer.finish();
    const uint64_t dropped = account["join"]["orbits"]["dropped"]["downstream_full"];
    const uint64_t written = account["write_orbits"]["out"];
    EXPECT_GT(dropped, 0);
    EXPECT_GT(written, 0);
    EXPECT_EQ(dropped + written, 1500);
    EXPECT_EQ(account["sinks"][0]["bytes"], fs::file_size(file("taken.raw")));
    const json again = account_of("sources: [{format: gmt-zs, from: @/taken.raw}]\n");
    EXPECT_EQ(again["sources"][0]["orbits"]["out"], written);
    EXPECT_TRUE(again["sources"][0]["faults"].empty()) << again["sources"][0]["faults"];
  }
}

TEST_F(Scout, BlocksByDefaultAndLosesNothingToASlowSink) {
  generate("--orbits 200 --mean 0.5 -o " + file("muons.dat"));
  SlowPeer peer(file("taken.raw"), 16384, std::chrono::microseconds(500));
  const json account = account_of(absl::StrCat("sources: [{format: gmt, from: @/muons.dat}]\n",
                                               "write: [{kind: tcp, to: \"tcp://127.0.0.1:", peer.port(), "\"}]\n"));
  peer.finish();
  EXPECT_EQ(account["write_orbits"]["out"], 200);
  EXPECT_EQ(account["sinks"][0]["bytes"], fs::file_size(file("taken.raw")));
}

TEST_F(Scout, ASinkThatIsGoneEndsTheRunWithAnAccountThatAddsUp) {
  generate("--orbits 100 -o " + file("muons.dat"));
  const json account = account_of(
      "sources: [{format: gmt, from: @/muons.dat}]\nretry_seconds: 0\n"
      "write: [{kind: tcp, to: \"tcp://127.0.0.1:1\", patience_seconds: 0.1}]\n",
      1);
  EXPECT_EQ(account["state"], "finished");
  EXPECT_THAT(account["error"].get<std::string>(), HasSubstr("127.0.0.1:1"));
  EXPECT_EQ(account["write_orbits"]["in"], account["write_orbits"]["dropped"]["sink_failed"]);
}

TEST_F(Scout, TakesOrdersOverHttp) {
  generate("--orbits 50 -o " + file("muons.dat"));
  const std::string config = node(
      "sources: [{format: gmt, from: @/muons.dat, rate: 0.002}]\ncontrol: \"127.0.0.1:0\"\n"
      "account: {file: @/account.json, orbits: @/orbits.csv}\n");
  const pid_t running = start_strobe({"scout", "--wait", "--live", "--config", config}, file("printed"));
  const std::string address = wait_for("http://", file("printed"));
  const auto ask = [&](const std::string& method, const std::string& path) {
    testing::RawClient client(address);
    client.send(method + " " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    return client.receive();
  };
  const auto wait_for_state = [&](const std::string& state) {
    for (int look = 0; look < 20000; ++look) {
      if (ask("GET", "/state").find("\"state\":\"" + state + "\"") != std::string::npos) return;
    }
    ADD_FAILURE() << "not " << state << ": " << ask("GET", "/state");
  };
  wait_for_state("configured");
  EXPECT_THAT(ask("POST", "/pause"), HasSubstr(" 409 "));
  EXPECT_THAT(ask("POST", "/start?run=77"), HasSubstr(" 202 "));
  wait_for_state("running");
  EXPECT_THAT(ask("POST", "/pause"), HasSubstr(" 202 "));
  wait_for_state("paused");
  EXPECT_THAT(ask("GET", "/metrics"), HasSubstr("strobe_scout_in_total{stage=\"source.gmt\",unit=\"orbits\"}"));
  EXPECT_THAT(ask("POST", "/resume"), HasSubstr(" 202 "));
  EXPECT_THAT(ask("POST", "/stop"), HasSubstr(" 202 "));
  wait_for_state("configured");
  ::kill(running, SIGTERM);
  EXPECT_EQ(status_of(running), 0) << slurp(file("printed"));
  EXPECT_THAT(slurp(file("printed")), HasSubstr("run 77, finished"));
  const json saved = json::parse(slurp(file("account.json")));
  EXPECT_EQ(saved["run"], 77);
  const std::string orbits = slurp(file("orbits.csv"));
  EXPECT_EQ(static_cast<uint64_t>(std::count(orbits.begin(), orbits.end(), '\n')),
            1 + saved["write_orbits"]["in"].get<uint64_t>());
}

TEST_F(Scout, CountsEveryFaultAndLosesNothingElse) {
  generate("--orbits 400 --mean 0.3 -o " + file("clean.dat"));
  generate(
      "--orbits 400 --mean 0.3 --fault missing-orbit=0.02 --fault duplicate=0.02 --fault truncation=0.02 --fault "
      "flip-orbit=0.02 --fault flip-crossing=0.02 --fault garbage=0.02 -o " +
      file("damaged.dat") + " --truth " + file("truth.npz"));
  const json clean = account_of("sources: [{format: gmt, from: @/clean.dat}]\n");
  const json damaged = account_of("sources: [{format: gmt, from: @/damaged.dat}]\nquarantine: @/bad\n");
  const json& faults = damaged["sources"][0]["faults"];
  for (const char* kind : {"duplicate", "truncated", "orbit_mismatch", "crossing_mismatch"})
    EXPECT_TRUE(faults.contains(kind)) << kind << " in " << faults;
  EXPECT_GT(damaged["sources"][0]["missing_orbits"], 0);
  EXPECT_EQ(clean["sources"][0]["orbits"]["out"], 400);
  EXPECT_GT(damaged["quarantine"]["records"], 0);
}

TEST_F(Scout, RefusesWhatDoesNotFitBeforeItReceives) {
  generate("--orbits 1 -o " + file("muons.dat"));
  const struct {
    const char* yaml;
    const char* words;
  } cases[] = {
      {"sources: [{format: gmt, from: @/none.dat}]\n", "none.dat"},
      {"sources: [{format: gmt, from: @/muons.dat}]\nrequire: count(mouns) > 1\n", "line 2"},
      {"sources: [{format: gmt, from: @/muons.dat}]\nvalues: {m: \"muon[0].pq\"}\n", "pt"},
      {"sources: [{format: gmt, from: @/muons.dat}]\nhistograms: [{value: m}]\n",
       "node.yml:2: histogram: 'm' is unknown"},
      {"sources: [{format: gmt, from: @/muons.dat}]\nmodels: [{name: a, xclbin: @/none.xclbin}]\n", "none.xclbin"},
      {"sources: [{format: gmt, from: @/muons.dat}]\nwrite: [{kind: raw, to: /proc/none}]\n", "/proc/none"},
  };
  for (const auto& [yaml, words] : cases) {
    EXPECT_EQ(strobe("scout --config " + node(yaml)), 1) << yaml;
    EXPECT_THAT(error_, HasSubstr(words)) << yaml;
  }
}

}  // namespace
}  // namespace strobe
