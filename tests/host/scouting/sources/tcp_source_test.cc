#include <gmock/gmock.h>

#include <thread>
#include <utility>

#include "boost/asio.hpp"
#include "source_fixture.h"

namespace strobe::scouting {
namespace {

using boost::asio::ip::tcp;
using Fill = ByteSource::Fill;
using testing::HasSubstr;

uint16_t port_of(const ByteSource& source) {
  const std::string name = source.name();
  return static_cast<uint16_t>(std::stoi(name.substr(name.rfind(':') + 1)));
}

class TcpSource : public SourceTest {
 protected:
  tcp::endpoint at(uint16_t port) const { return {boost::asio::ip::address_v4::loopback(), port}; }

  tcp::socket sender_to(const ByteSource& source) {
    tcp::socket socket(context_);
    socket.connect(at(port_of(source)));
    return socket;
  }

  boost::asio::io_context context_;
};

TEST_F(TcpSource, ListensToOneSenderAfterTheOther) {
  const std::string text = random_text(20'000'001, 31);
  SourceOptions options;
  options.buffer_bytes = 300'000;
  const auto source = open("tcp-listen://127.0.0.1:0", options);
  EXPECT_EQ(*source->fill(0), Fill::kTimeout);
  for (int sender = 0; sender < 2; ++sender) {
    std::thread thread([&] {
      tcp::socket socket = sender_to(*source);
      boost::asio::write(socket, boost::asio::buffer(text));
    });
    Fill last{};
    const std::string all = take_all(*source, &last);
    thread.join();
    EXPECT_TRUE(all == text) << all.size();
    EXPECT_EQ(last, Fill::kBreak);
    EXPECT_EQ(*source->fill(0), Fill::kTimeout);
  }
}

TEST_F(TcpSource, SecondSenderWaitsForTheEndOfTheFirst) {
  const auto source = open("tcp-listen://127.0.0.1:0");
  tcp::socket first = sender_to(*source);
  boost::asio::write(first, boost::asio::buffer("first", 5));
  EXPECT_EQ(*source->fill(kPatience), Fill::kMore);
  tcp::socket second = sender_to(*source);
  boost::asio::write(second, boost::asio::buffer("second", 6));
  EXPECT_EQ(*source->fill(0), Fill::kTimeout);
  first.close();
  EXPECT_EQ(*source->fill(kPatience), Fill::kBreak);
  EXPECT_EQ(*source->fill(kPatience), Fill::kBreak) << "the first one's end is not consumed";
  EXPECT_EQ(take(*source), "first");
  EXPECT_EQ(*source->fill(kPatience), Fill::kMore);
  EXPECT_EQ(take(*source), "second");
}

TEST_F(TcpSource, ResetIsABreak) {
  const auto source = open("tcp-listen://127.0.0.1:0");
  tcp::socket sender = sender_to(*source);
  boost::asio::write(sender, boost::asio::buffer("cut", 3));
  EXPECT_EQ(*source->fill(kPatience), Fill::kMore);
  sender.set_option(boost::asio::socket_base::linger(true, 0));
  sender.close();
  EXPECT_EQ(*source->fill(kPatience), Fill::kBreak);
  EXPECT_EQ(take(*source), "cut");
}

TEST_F(TcpSource, PortInUseIsUnavailable) {
  const auto source = open("tcp-listen://127.0.0.1:0");
  const auto again = open_source(source->name(), {});
  EXPECT_EQ(again.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(again.status().message()), HasSubstr(source->name()));
}

TEST_F(TcpSource, ConnectsWhenSomebodyListensAndAgainWhenHeGoes) {
  tcp::acceptor acceptor(context_, tcp::v4());
  acceptor.bind(at(0));  // the port is ours, and refuses as long as nobody listens
  const auto source = open("tcp://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
  EXPECT_EQ(*source->fill(10), Fill::kTimeout);
  acceptor.listen();
  for (const std::string text : {"first", "second"}) {
    std::thread sender([&] {
      tcp::socket socket = acceptor.accept();
      boost::asio::write(socket, boost::asio::buffer(text));
    });
    Fill last{};
    EXPECT_EQ(take_all(*source, &last), text);
    EXPECT_EQ(last, Fill::kBreak);
    sender.join();
  }
}

TEST_F(TcpSource, PatienceEndsInUnavailable) {
  tcp::acceptor acceptor(context_, tcp::v4());
  acceptor.bind(at(0));
  SourceOptions options;
  options.patience_seconds = 0.01;
  const std::string address = "tcp://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  const auto source = open(address, options);
  const auto fill = source->fill(kPatience);
  EXPECT_EQ(fill.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(fill.status().message()), HasSubstr(address));
  EXPECT_THAT(std::string(fill.status().message()), HasSubstr("refused"));
}

TEST_F(TcpSource, InterruptEndsEveryWait) {
  tcp::acceptor acceptor(context_, tcp::v4());
  acceptor.bind(at(0));
  const auto connecting = open("tcp://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
  const auto listening = open("tcp-listen://127.0.0.1:0");
  const auto receiving = open("tcp-listen://127.0.0.1:0");
  tcp::socket sender = sender_to(*receiving);
  for (ByteSource* source : {connecting.get(), listening.get(), receiving.get()}) {
    std::thread other([&] { source->interrupt(); });
    EXPECT_EQ(*source->fill(kPatience), Fill::kEnd);
    other.join();
  }
}

TEST_F(TcpSource, UnknownHostIsNotFound) {
  const auto source = open_source("tcp://no-such-host.invalid:1", {});
  EXPECT_EQ(source.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(source.status().message()), HasSubstr("no-such-host.invalid"));
}

TEST_F(TcpSource, SpeaksIpv6) {
  const auto source = open_source("tcp-listen://[::1]:0", {});
  if (!source.ok()) GTEST_SKIP() << "no IPv6 here: " << source.status();
  tcp::socket sender(context_);
  sender.connect({boost::asio::ip::address_v6::loopback(), port_of(**source)});
  boost::asio::write(sender, boost::asio::buffer("six", 3));
  EXPECT_EQ(*(*source)->fill(kPatience), Fill::kMore);
  EXPECT_EQ(take(**source), "six");
}

}  // namespace
}  // namespace strobe::scouting
