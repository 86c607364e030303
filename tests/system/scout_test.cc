// Orders over HTTP, and what is refused at the start.
#include <signal.h>

#include <algorithm>

#include "tests/host/http/raw_client.h"
#include "tests/system/scout_fixture.h"

namespace strobe {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

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

TEST_F(Scout, RefusesWhatDoesNotFitBeforeItReceives) {
  generate("--orbits 1 -o " + file("muons.dat"));
  const struct {
    const char* yaml;
    const char* words;
  } cases[] = {
      {"sources: [{format: gmt, from: @/none.dat}]\n", "node.yml:1: source 'gmt': "},
      {"sources: [{format: gmt, from: @/muons.dat}]\nrequire: count(mouns) > 1\n",
       "node.yml:2: require 'count(mouns) > 1': "},
      {"sources: [{format: gmt, from: @/muons.dat}]\nvalues: {m: \"muon[0].pq\"}\n", "pt"},
      {"sources: [{format: gmt, from: @/muons.dat}]\nhistograms: [{value: m}]\n",
       "node.yml:2: histogram: 'm' is unknown"},
      {"sources: [{format: gmt, from: @/muons.dat}]\nmodels: [{name: a, xclbin: @/none.xclbin}]\n", "none.xclbin"},
      {"sources: [{format: gmt, from: @/muons.dat}]\nwrite: [{kind: raw, to: /proc/none}]\n", "node.yml:2: "},
      {"sources: [{format: gmt, from: @/muons.dat}]\nquarantine: /proc/none/bad\n", "node.yml:2: quarantine file"},
      {"sources: [{format: gmt, from: @/muons.dat}]\naccount: {orbits: /proc/none/x}\n", "node.yml:2: "},
      {"sources: [{format: gmt, from: @/muons.dat}]\ncontrol: \"nowhere:port\"\n", "node.yml:2: "},
  };
  for (const auto& [yaml, words] : cases) {
    EXPECT_EQ(strobe("scout --config " + node(yaml)), 1) << yaml;
    EXPECT_THAT(error_, HasSubstr(words)) << yaml;
  }
  EXPECT_EQ(strobe("scout --config " + node("# " + std::string(20 << 20, 'x'))), 1);
  EXPECT_THAT(error_, HasSubstr("node.yml:1: expected a configuration of at most 1048576 bytes, found 20971522"));
}

}  // namespace
}  // namespace strobe
