// Sinks that are slow, full or gone.
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/system/scout_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace strobe
