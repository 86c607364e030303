#include "host/scouting/generate/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "host/scouting/formats/find_format.h"

namespace strobe::scouting {
namespace {

using testing::HasSubstr;

PacketStream make_stream(const StreamOptions& options, const char* format = "gmt") {
  auto maker = OrbitMaker::create(*find_format(format), *find_filling_scheme("cms-2024"), {});
  EXPECT_TRUE(maker.ok()) << maker.status();
  auto stream = PacketStream::create(*std::move(maker), options);
  EXPECT_TRUE(stream.ok()) << stream.status();
  return *std::move(stream);
}

std::string bytes_of(const StreamOptions& options) {
  PacketStream stream = make_stream(options);
  std::string bytes;
  for (std::vector<Piece> pieces; stream.next(pieces); pieces.clear()) {
    for (const Piece& piece : pieces) {
      bytes.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    }
  }
  return bytes;
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Everything that a socket gives until its end.
std::string drain(int descriptor) {
  std::string bytes;
  char buffer[65536];
  for (ssize_t got = 0; (got = ::read(descriptor, buffer, sizeof buffer)) > 0;) {
    bytes.append(buffer, static_cast<size_t>(got));
  }
  ::close(descriptor);
  return bytes;
}

class SenderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "strobe_sender_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    for (const std::string& path : paths_) ::unlink(path.c_str());
    ::rmdir(folder_.c_str());
  }
  std::string path(const std::string& name) {
    paths_.push_back(folder_ + "/" + name);
    return paths_.back();
  }
  absl::StatusOr<SendReport> send_to(const std::string& address, const StreamOptions& stream,
                                     const SendOptions& options = {}) {
    auto output = Output::open(address, stop_);
    if (!output.ok()) return output.status();
    std::vector<Lane> lanes;
    lanes.push_back({make_stream(stream), *std::move(output)});
    return send(lanes, options, stop_);
  }

  std::atomic<bool> stop_{false};
  std::string folder_;
  std::vector<std::string> paths_;
};

TEST_F(SenderTest, WritesTheWholeStream) {
  for (const uint32_t pool : {0u, 1u, 3u, 100u}) {
    const StreamOptions options{.orbits = 90, .first_orbit = 7, .pool = pool};
    const std::string file = path("stream");
    const auto report = send_to(file, options);
    ASSERT_TRUE(report.ok()) << report.status();
    const std::string expected = bytes_of(options);
    EXPECT_TRUE(read_all(file) == expected) << "pool " << pool;
    EXPECT_EQ(report->bytes, expected.size());
    EXPECT_EQ(report->orbits, 90u);
  }
}

TEST_F(SenderTest, WritesFaultyStreamsWhole) {
  StreamOptions options{.orbits = 120, .pool = 40};
  for (const Injected kind : {Injected::kMissingOrbit, Injected::kDuplicate, Injected::kOutOfSequence,
                              Injected::kGarbage, Injected::kFlipPayload, Injected::kTruncation}) {
    options.faults[static_cast<size_t>(kind)] = 0.2;
  }
  const std::string file = path("faulty");
  ASSERT_TRUE(send_to(file, options).ok());
  EXPECT_TRUE(read_all(file) == bytes_of(options));
}

TEST_F(SenderTest, ConnectsToAListener) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  auto received = std::async(std::launch::async, [&] { return drain(::accept(listener, nullptr, nullptr)); });
  const StreamOptions options{.orbits = 60};
  const auto report = send_to(absl::StrCat("tcp://127.0.0.1:", ntohs(address.sin_port)), options);
  EXPECT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(received.get() == bytes_of(options));
  ::close(listener);
}

TEST_F(SenderTest, WaitsForTheReaderOfAFifo) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  auto received = std::async(std::launch::async, [&] { return read_all(fifo); });
  const StreamOptions options{.orbits = 60};
  const auto report = send_to(fifo, options);
  EXPECT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(received.get() == bytes_of(options));
}

TEST_F(SenderTest, KeepsTheRate) {
  constexpr uint64_t kOrbits = 400;
  constexpr double kRate = 5;
  const auto report = send_to("/dev/null", {.orbits = kOrbits, .pool = 10}, {.rate = kRate});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GE(report->seconds, kOrbits * kOrbitSeconds / kRate);
  EXPECT_LE(report->lhc_rate(), kRate);
}

TEST_F(SenderTest, AStopEndsAtAnOrbitsBorder) {
  SendOptions options;
  options.progress = [this](const SendReport& sent) { stop_ = sent.orbits > 50; };
  const std::string file = path("stopped");
  const auto report = send_to(file, {.pool = 8}, options);  // without end
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->orbits, 50u);
  EXPECT_TRUE(read_all(file) == bytes_of({.orbits = report->orbits, .pool = 8}));
}

TEST_F(SenderTest, SourcesGoInStepAndOneMayLackAPacket) {
  constexpr uint64_t kOrbits = 200;
  Truth truths[2];
  std::vector<Lane> lanes;
  for (Truth& truth : truths) {
    auto output = Output::open("/dev/null", stop_);
    ASSERT_TRUE(output.ok());
    lanes.push_back({make_stream({.orbits = kOrbits, .truth = &truth}), *std::move(output)});
  }
  const auto report = send(lanes, {.missing_source = 0.3, .seed = 2}, stop_);
  ASSERT_TRUE(report.ok()) << report.status();
  uint64_t missing = 0;
  for (size_t i = 0; i < kOrbits; ++i) {
    const uint32_t sent = truths[0].orbits[i].sent + truths[1].orbits[i].sent;
    EXPECT_GE(sent, 1u);
    missing += 2 - sent;
    EXPECT_EQ(truths[0].orbits[i].faults != 0, truths[0].orbits[i].sent == 0);
  }
  EXPECT_EQ(report->orbits, 2 * kOrbits - missing);
  EXPECT_NEAR(static_cast<double>(missing), 0.3 * kOrbits, 5 * 6.5);
}

TEST_F(SenderTest, SaysWhatIsWrongWithAnAddress) {
  const auto message = [this](const std::string& address) {
    return std::string(Output::open(address, stop_).status().message());
  };
  EXPECT_THAT(message("tcp://127.0.0.1"), HasSubstr("host:port"));
  EXPECT_THAT(message("tcp://127.0.0.1:x"), HasSubstr("host:port"));
  EXPECT_THAT(message("udp://127.0.0.1:1"), HasSubstr("tcp://host:port"));
  EXPECT_EQ(message("/nowhere/file"), "/nowhere/file: opening: No such file or directory");
  EXPECT_TRUE(absl::IsResourceExhausted(send_to("/dev/full", {.orbits = 20}).status()));
}

TEST_F(SenderTest, AStopEndsTheWaitingForAReceiver) {
  stop_ = true;
  const std::string fifo = path("nobody");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsCancelled(Output::open(fifo, stop_).status()));
  EXPECT_TRUE(absl::IsCancelled(Output::open("tcp-listen://127.0.0.1:0", stop_).status()));
}

}  // namespace
}  // namespace strobe::scouting
