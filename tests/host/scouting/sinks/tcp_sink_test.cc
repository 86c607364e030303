#include <thread>
#include <utility>

#include "boost/asio.hpp"
#include "raw_reader.h"

namespace strobe::scouting {
namespace {

using boost::asio::ip::tcp;
using testing::HasSubstr;

class TcpSink : public SinkTest {
 protected:
  TcpSink() : acceptor_(context_, tcp::v4()) {
    acceptor_.bind({boost::asio::ip::address_v4::loopback(), 0});
    settings_.kind = "tcp";
    settings_.to = "tcp://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

  static std::string read_all(tcp::socket socket) {
    std::string all;
    boost::system::error_code error;
    boost::asio::read(socket, boost::asio::dynamic_buffer(all), error);
    return all;
  }

  boost::asio::io_context context_;
  tcp::acceptor acceptor_;
  MuonOrbits orbits_{3};
};

TEST_F(TcpSink, SendsRawOrbits) {
  acceptor_.listen();
  std::string all;
  std::thread peer([&] { all = read_all(acceptor_.accept()); });
  auto sink = open();
  std::vector<std::string> payloads;
  for (const double share : {1.0, 0.1}) {
    for (int i = 0; i < 200; ++i) {
      const auto made = orbits_.make(static_cast<uint32_t>(payloads.size()), 300, share);
      ASSERT_TRUE(sink->write(made->finished()).ok());
      payloads.push_back(kept_payload_of(*made));
    }
  }
  ASSERT_TRUE(sink->close().ok());
  EXPECT_EQ(sink->counts().orbits, 400u);
  sink.reset();
  peer.join();
  size_t rest = 0;
  const auto found = raw_orbits(all, 0, &rest);
  EXPECT_EQ(rest, 0u);
  ASSERT_EQ(found.size(), payloads.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].number, i);
    EXPECT_EQ(found[i].payload, payloads[i]);
  }
}

TEST_F(TcpSink, IsUnavailableWithoutAPeerAndFindsTheNextOne) {
  const auto sink = open();
  const auto made = orbits_.make(1);
  const absl::Status alone = sink->write(made->finished());
  EXPECT_EQ(alone.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(alone.message()), HasSubstr(settings_.to));
  acceptor_.listen();
  for (int peer = 0; peer < 3; ++peer) {
    ASSERT_TRUE(sink->write(made->finished()).ok());
    tcp::socket socket = acceptor_.accept();
    std::string bytes(24 + made->part.payload.size(), '\0');
    boost::asio::read(socket, boost::asio::buffer(bytes));
    size_t rest = 0;
    EXPECT_EQ(raw_orbits(bytes, 0, &rest).size(), 1u);
  }
  EXPECT_EQ(sink->counts().orbits, 3u);
}

TEST_F(TcpSink, PeerThatTakesNothingIsGivenUp) {
  acceptor_.listen();
  settings_.patience_seconds = 0.05;
  const auto sink = open();
  const auto made = orbits_.make(1, 3000);
  absl::Status status;
  uint64_t written = 0;
  for (; status.ok(); ++written) status = sink->write(made->finished());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("takes nothing"));
  size_t rest = 0;
  EXPECT_EQ(raw_orbits(read_all(acceptor_.accept()), 0, &rest).size(), written - 1) << "the orbit is cut, not lost";
}

TEST_F(TcpSink, SaysWhatAnAddressLooksLike) {
  for (const std::string& to : {std::string("host:1"), std::string("tcp://host"), std::string("tcp://:5"),
                                std::string("tcp://host:0"), std::string("tcp://host:x")}) {
    settings_.to = to;
    const auto sink = open_sink(settings_, setup_);
    EXPECT_EQ(sink.status().code(), absl::StatusCode::kInvalidArgument) << to;
    EXPECT_THAT(std::string(sink.status().message()), HasSubstr("tcp://host:port"));
  }
}

}  // namespace
}  // namespace strobe::scouting
