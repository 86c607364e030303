#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>  // Boost 1.74's asio needs it first with C++20
#include <vector>

#include "absl/strings/str_cat.h"
#include "boost/asio.hpp"
#include "host/scouting/core/cmssw_raw.h"
#include "host/scouting/core/peer_address.h"
#include "host/scouting/sinks/kept.h"
#include "host/scouting/sinks/sinks.h"

namespace strobe::scouting {
namespace {

using boost::asio::ip::tcp;
using Clock = std::chrono::steady_clock;

/// Raw orbits to a peer. An orbit that cannot be sent whole ends the connection, so that what came of it is seen as cut
/// short; it is sent again, whole, on the next connection. What the peer's system had accepted before it went is lost
/// unseen, as with any TCP.
class TcpSink final : public Sink {
 public:
  TcpSink(const SinkSettings& settings, uint32_t run, std::vector<tcp::endpoint> peers)
      : to_(settings.to),
        run_(run),
        patience_(settings.patience_seconds),
        peers_(std::move(peers)),
        socket_(context_) {}

  absl::Status write(const FinishedOrbit& orbit) override {
    until_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(patience_);
    if (absl::Status s = connect(); !s.ok()) return s;
    SinkCounts added;
    for (const SourceOrbit* part : orbit.parts) {
      if (part == nullptr) continue;
      kept_runs(orbit, *part, runs_);
      const std::span<const std::byte> payload = kept_payload(*part, runs_.view(), scratch_);
      const RawOrbitHeader header = raw_orbit_header(run_, orbit.number, payload);
      if (absl::Status s = send(std::as_bytes(std::span(&header, 1)), payload); !s.ok()) {
        disconnect();
        return s;
      }
      added.objects += kept_objects(*part, runs_.view());
      added.bytes += sizeof header + payload.size();
    }
    ++counts_.orbits;
    counts_.crossings += orbit.kept;
    counts_.objects += added.objects;
    counts_.bytes += added.bytes;
    return absl::OkStatus();
  }

  /// The connection stays over a section's end: a stream has no files.
  absl::Status close() override { return absl::OkStatus(); }
  SinkCounts counts() const override { return counts_; }
  std::string name() const override { return to_; }
  bool wants_payload() const override { return true; }

 private:
  absl::Status gone(int error) const {
    return absl::UnavailableError(
        absl::StrCat("sink '", to_, "': ", error == ETIMEDOUT ? "the peer takes nothing" : std::strerror(error)));
  }

  /// Waits for `events` on the socket, at most until `until_`.
  bool wait(short events) const {
    while (true) {
      pollfd one = {const_cast<tcp::socket&>(socket_).native_handle(), events, 0};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now()).count();
      const int ready = ::poll(&one, 1, left > 0 ? static_cast<int>(left) : 0);
      if (ready > 0) return true;
      if (ready == 0 && left <= 0) return false;
    }
  }

  absl::Status connect() {
    if (socket_.is_open() && !has_gone()) return absl::OkStatus();
    disconnect();
    int outcome = ENOTCONN;
    for (const tcp::endpoint& peer : peers_) {
      boost::system::error_code error;
      socket_.open(peer.protocol(), error);
      if (error) return gone(error.value());
      socket_.non_blocking(true, error);
      socket_.set_option(tcp::no_delay(true), error);
      outcome = ::connect(socket_.native_handle(), peer.data(), static_cast<socklen_t>(peer.size())) == 0 ? 0 : errno;
      if (outcome == EINPROGRESS) {
        socklen_t size = sizeof outcome;
        if (wait(POLLOUT)) {
          ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &outcome, &size);
        } else {
          outcome = ETIMEDOUT;
        }
      }
      if (outcome == 0) return absl::OkStatus();
      disconnect();
    }
    return gone(outcome);
  }

  /// Whether the peer has closed its end: the next orbit would still be accepted, and lost.
  bool has_gone() {
    char byte;
    const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
  }

  void disconnect() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  absl::Status send(std::span<const std::byte> header, std::span<const std::byte> payload) {
    while (!header.empty() || !payload.empty()) {
      iovec parts[] = {{const_cast<std::byte*>(header.data()), header.size()},
                       {const_cast<std::byte*>(payload.data()), payload.size()}};
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = 2;
      const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        if (!wait(POLLOUT)) return gone(ETIMEDOUT);
        continue;
      }
      if (sent < 0) return gone(errno);
      const size_t of_header = std::min(static_cast<size_t>(sent), header.size());
      header = header.subspan(of_header);
      payload = payload.subspan(static_cast<size_t>(sent) - of_header);
      until_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(patience_);
    }
    return absl::OkStatus();
  }

  std::string to_;
  uint32_t run_;
  std::chrono::duration<double> patience_;
  Clock::time_point until_;  ///< waits end; moved on with every byte that is taken
  std::vector<tcp::endpoint> peers_;
  boost::asio::io_context context_{1};
  tcp::socket socket_;
  Buffer<Run> runs_;
  Buffer<std::byte> scratch_;
  SinkCounts counts_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> open_tcp_sink(const SinkSettings& settings, const SinkSetup& setup) {
  if (absl::Status s = check_raw_orbits(settings, setup); !s.ok()) return s;
  constexpr std::string_view kScheme = "tcp://";
  const std::optional<PeerAddress> peer =
      settings.to.starts_with(kScheme) ? parse_peer_address(settings.to.substr(kScheme.size())) : std::nullopt;
  if (!peer || peer->port == 0) {
    return absl::InvalidArgumentError(absl::StrCat("sink tcp: expected 'tcp://host:port', found '", settings.to, "'"));
  }
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  boost::system::error_code error;
  const auto found = resolver.resolve(peer->host, absl::StrCat(peer->port), tcp::resolver::numeric_service, error);
  if (error) return absl::NotFoundError(absl::StrCat("sink '", settings.to, "': ", error.message()));
  return std::make_unique<TcpSink>(settings, setup.run, std::vector<tcp::endpoint>(found.begin(), found.end()));
}

}  // namespace strobe::scouting
