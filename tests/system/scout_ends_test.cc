// How runs end, and senders: signals, kills, reconnects.
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "tests/system/scout_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

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

}  // namespace
}  // namespace strobe
