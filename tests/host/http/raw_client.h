#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

namespace strobe::testing {

/// A TCP client of 127.0.0.1 that sends exactly what a test says. No read takes longer than ten seconds.
class RawClient {
 public:
  /// `address` is 127.0.0.1:port.
  explicit RawClient(const std::string& address) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const int small = 64 << 10;  // so that a server cannot send much ahead of a client that does not read
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1)));
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) == 0;
  }
  ~RawClient() { hang_up(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  bool send(const std::string& text) {
    size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t n = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<size_t>(n);
    }
    return true;
  }
  /// No more will be sent; answers can still be read.
  void end_sending() { shutdown(fd_, SHUT_WR); }
  void hang_up() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  /// Whether something (bytes or the end) arrives within `ms`.
  bool readable(int ms) {
    pollfd entry{fd_, POLLIN, 0};
    return poll(&entry, 1, ms) == 1;
  }

  /// One answer: header and as much body as it announces (none for HEAD). Short where the server hangs up earlier.
  std::string receive(bool head = false) {
    size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return std::exchange(received_, "");
    }
    end += 4;
    const size_t length = received_.find("Content-Length: ");
    if (!head && length < end) end += std::strtoul(received_.c_str() + length + 16, nullptr, 10);
    while (received_.size() < end && more()) {
    }
    const std::string answer = received_.substr(0, end);
    received_.erase(0, answer.size());
    return answer;
  }
  /// All there is until the server hangs up; `hung_up` says whether it did.
  std::string receive_rest() {
    while (more()) {
    }
    return std::exchange(received_, "");
  }
  bool hung_up() const { return hung_up_; }

 private:
  bool more() {
    char buffer[4096];
    const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    if (n > 0) {
      received_.append(buffer, static_cast<size_t>(n));
      return true;
    }
    hung_up_ = n == 0 || errno == ECONNRESET;
    return false;
  }

  int fd_;
  bool connected_ = false;
  bool hung_up_ = false;
  std::string received_;
};

inline std::string get(const std::string& path, const std::string& method = "GET") {
  return method + " " + path + " HTTP/1.1\r\nHost: test\r\n\r\n";
}

/// What follows the header.
inline std::string body_of(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "no header" : answer.substr(end + 4);
}

}  // namespace strobe::testing
