#include "host/scouting/sources/tcp_source.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>  // Boost 1.74's asio needs it first with C++20
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "boost/asio.hpp"
#include "host/scouting/sources/descriptor_source.h"
#include "host/scouting/sources/mirrored_ring.h"

namespace strobe::scouting {
namespace {

using boost::asio::ip::tcp;
using Clock = Interrupt::Clock;
using Error = boost::system::error_code;

constexpr std::chrono::milliseconds kFirstDelay{50}, kLongestDelay{2000};

std::string text_of(const std::string& host, uint16_t port) {
  const bool bare_v6 = host.find(':') != std::string::npos;
  return bare_v6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

/// What listening and connecting have in common: a socket that does not block, and the ring.
class TcpSource : public ByteSource {
 public:
  TcpSource(Interrupt interrupt, MirroredRing ring)
      : interrupt_(std::move(interrupt)), ring_(std::move(ring)), socket_(context_) {}

  std::span<const std::byte> unread() const override { return ring_.unread(); }
  void consume(size_t bytes) override { ring_.consume(bytes); }
  void interrupt() override { interrupt_.raise(); }

  absl::StatusOr<Fill> fill(int timeout_ms) override {
    const Clock::time_point until = Clock::now() + std::chrono::milliseconds(timeout_ms);
    if (interrupt_.raised()) return Fill::kEnd;
    if (!socket_.is_open()) {
      if (!ring_.unread().empty()) return Fill::kBreak;
      const absl::StatusOr<Fill> met = meet(until);
      if (!met.ok() || *met != Fill::kMore) return met;
    }
    return receive(until);
  }

 protected:
  /// Gets a sender into `socket_`: kMore; else kTimeout or kEnd.
  virtual absl::StatusOr<Fill> meet(Clock::time_point until) = 0;

  /// Of a new socket. Keep-alive: a sender whose machine has vanished would never be missed.
  void prepare() {
    Error ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
    // A sender that lost its power is missed after 25 s, not after the kernel's two hours: until then nobody else can
    // take its place.
    const auto set = [this](int option, int value) {
      ::setsockopt(socket_.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
    };
    set(TCP_KEEPIDLE, 10);
    set(TCP_KEEPINTVL, 5);
    set(TCP_KEEPCNT, 3);
    socket_.set_option(tcp::no_delay(true), ignored);
  }

  Interrupt interrupt_;
  MirroredRing ring_;
  boost::asio::io_context context_{1};
  tcp::socket socket_;

 private:
  absl::StatusOr<Fill> receive(Clock::time_point until) {
    while (true) {
      if (ring_.free().empty()) return Fill::kFull;
      const std::span<std::byte> room = ring_.free().first(std::min(ring_.free().size(), kMostBytesARead));
      Error error;
      const size_t got = socket_.read_some(boost::asio::buffer(room.data(), room.size()), error);
      ring_.add(got);
      if (got > 0) return Fill::kMore;
      if (error == boost::asio::error::would_block) {
        if (const auto answer = wait_readable(interrupt_, socket_.native_handle(), until)) return *answer;
        continue;
      }
      if (error == boost::asio::error::interrupted) continue;
      socket_.close(error);  // the end, or a reset: either way nothing more comes of this sender
      return Fill::kBreak;
    }
  }
};

class ListeningSource : public TcpSource {
 public:
  ListeningSource(Interrupt interrupt, MirroredRing ring)
      : TcpSource(std::move(interrupt), std::move(ring)), acceptor_(context_) {}

  absl::Status listen(const std::string& host, const tcp::endpoint& at) {
    Error error;
    acceptor_.open(at.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(at, error);
    if (!error) acceptor_.listen(kWaitingSenders, error);
    if (!error) acceptor_.non_blocking(true, error);
    const std::string where = absl::StrCat("tcp-listen://", text_of(host, at.port()));
    if (error == boost::asio::error::address_in_use) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", where, ": the port is in use"));
    }
    if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot listen on ", where));
    name_ = absl::StrCat("tcp-listen://", text_of(host, acceptor_.local_endpoint(error).port()));
    return absl::OkStatus();
  }

  std::string name() const override { return name_; }

 private:
  static constexpr int kWaitingSenders = 4;

  absl::StatusOr<Fill> meet(Clock::time_point until) override {
    while (true) {
      if (const auto answer = wait_readable(interrupt_, acceptor_.native_handle(), until)) return *answer;
      Error error;
      acceptor_.accept(socket_, error);
      if (!error) {
        prepare();
        return Fill::kMore;
      }
      if (error == boost::asio::error::no_descriptors || error == boost::asio::error::no_memory) {
        return absl::ErrnoToStatus(error.value(), absl::StrCat(name_, ": cannot accept a sender"));
      }
      // The sender has gone again while it waited.
    }
  }

  tcp::acceptor acceptor_;
  std::string name_;
};

class ConnectingSource : public TcpSource {
 public:
  ConnectingSource(Interrupt interrupt, MirroredRing ring, std::string name, std::vector<tcp::endpoint> peers,
                   double patience_seconds)
      : TcpSource(std::move(interrupt), std::move(ring)),
        name_(std::move(name)),
        peers_(std::move(peers)),
        patience_(patience_seconds) {}

  std::string name() const override { return name_; }

 private:
  absl::StatusOr<Fill> meet(Clock::time_point until) override {
    if (!waiting_) {
      waiting_ = true;
      since_ = next_attempt_ = Clock::now();
      delay_ = kFirstDelay;
    }
    while (true) {
      // A wait without a descriptor is for the time alone.
      const Interrupt::Wake wake = interrupt_.wait(-1, 0, std::min(until, next_attempt_));
      if (wake == Interrupt::Wake::kInterrupted) return Fill::kEnd;
      if (Clock::now() < next_attempt_) return Fill::kTimeout;
      for (const tcp::endpoint& peer : peers_) {
        if (connect(peer)) {
          waiting_ = false;
          return Fill::kMore;
        }
        if (interrupt_.raised()) return Fill::kEnd;
      }
      next_attempt_ = Clock::now() + delay_;
      delay_ = std::min(2 * delay_, kLongestDelay);
      const std::chrono::duration<double> waited = Clock::now() - since_;
      if (patience_ > 0 && waited.count() >= patience_) {
        waiting_ = false;
        return absl::UnavailableError(
            absl::StrCat(name_, ": no connection in ", patience_, " s: ", last_error_.message()));
      }
    }
  }

  /// One attempt, of kLongestDelay at most.
  bool connect(const tcp::endpoint& peer) {
    socket_.open(peer.protocol(), last_error_);
    if (last_error_) return false;
    prepare();
    // By hand, for Asio's own waits for the answer without an end.
    const int descriptor = socket_.native_handle();
    int outcome = ::connect(descriptor, peer.data(), static_cast<socklen_t>(peer.size())) == 0 ? 0 : errno;
    if (outcome == EINPROGRESS) {
      const auto wake = interrupt_.wait(descriptor, POLLOUT, Clock::now() + kLongestDelay);
      if (wake == Interrupt::Wake::kTimeout) outcome = ETIMEDOUT;
      socklen_t size = sizeof outcome;
      if (wake == Interrupt::Wake::kReady) ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &outcome, &size);
    }
    last_error_ = Error(outcome, boost::system::system_category());
    Error ignored;
    if (last_error_) socket_.close(ignored);
    return !last_error_;
  }

  std::string name_;
  std::vector<tcp::endpoint> peers_;
  double patience_;
  bool waiting_ = false;  ///< for a connection, since `since_`
  Clock::time_point since_, next_attempt_;
  std::chrono::milliseconds delay_ = kFirstDelay;
  Error last_error_;
};

absl::StatusOr<std::vector<tcp::endpoint>> resolve(const std::string& host, const std::string& port, bool listen) {
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  Error error;
  const auto flags = listen ? tcp::resolver::passive : tcp::resolver::flags();
  const auto found = resolver.resolve(host, port, flags | tcp::resolver::numeric_service, error);
  if (error) return absl::NotFoundError(absl::StrCat("host '", host, "', port '", port, "': ", error.message()));
  return std::vector<tcp::endpoint>(found.begin(), found.end());
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> open_tcp(const std::string& host, const std::string& port, bool listen,
                                                     Interrupt interrupt, const SourceOptions& options) {
  const absl::StatusOr<std::vector<tcp::endpoint>> peers = resolve(host, port, listen);
  if (!peers.ok()) return peers.status();
  absl::StatusOr<MirroredRing> ring = MirroredRing::create(options.buffer_bytes);
  if (!ring.ok()) return ring.status();
  if (listen) {
    auto source = std::make_unique<ListeningSource>(std::move(interrupt), *std::move(ring));
    if (absl::Status s = source->listen(host, peers->front()); !s.ok()) return s;
    return source;
  }
  std::string name = absl::StrCat("tcp://", text_of(host, peers->front().port()));
  return std::make_unique<ConnectingSource>(std::move(interrupt), *std::move(ring), std::move(name), *peers,
                                            options.patience_seconds);
}

}  // namespace strobe::scouting
