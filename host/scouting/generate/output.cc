#include "host/scouting/generate/output.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPollMs = 100;
constexpr auto kPatience = std::chrono::seconds(2);

absl::Status system_error(const std::string& name, const char* doing) {
  const int code = errno;
  const std::string text = absl::StrCat(name, ": ", doing, ": ", std::strerror(code));
  if (code == EPIPE || code == ECONNRESET) return absl::UnavailableError(absl::StrCat(name, ": the receiver is gone"));
  if (code == ENOSPC || code == EDQUOT) return absl::ResourceExhaustedError(text);
  return absl::Status(absl::ErrnoToStatusCode(code), text);
}

struct HostPort {
  std::string host, port;
};

absl::StatusOr<HostPort> parse_host_port(const std::string& address, size_t prefix) {
  const std::string rest = address.substr(prefix);
  const size_t colon = rest.rfind(':');
  if (colon == std::string::npos || colon + 1 == rest.size() ||
      rest.find_first_not_of("0123456789", colon + 1) != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(address, ": host:port was expected, such as tcp://127.0.0.1:9000"));
  }
  std::string host = rest.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return HostPort{host, rest.substr(colon + 1)};
}

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

absl::StatusOr<Addresses> resolve(const std::string& name, const HostPort& where, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(where.host.empty() ? nullptr : where.host.c_str(), where.port.c_str(), &hints, &found);
  if (code != 0) return absl::NotFoundError(absl::StrCat(name, ": ", ::gai_strerror(code)));
  return Addresses(found, &::freeaddrinfo);
}

absl::Status cancelled(const std::string& name) { return absl::CancelledError(absl::StrCat(name, ": stopped")); }

/// Large writes want a large buffer, and a full one is to wake the writer soon.
void prepare_socket(int descriptor) {
  const int bytes = 1 << 20, on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval timeout{0, kPollMs * 1000};
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

absl::StatusOr<int> connect_to(const std::string& name, const HostPort& where, const std::atomic<bool>& stop) {
  auto addresses = resolve(name, where, 0);
  if (!addresses.ok()) return addresses.status();
  while (!stop) {
    for (const addrinfo* each = addresses->get(); each != nullptr; each = each->ai_next) {
      const int descriptor = ::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
      if (descriptor < 0) continue;
      prepare_socket(descriptor);
      if (::connect(descriptor, each->ai_addr, each->ai_addrlen) == 0) return descriptor;
      const int code = errno;
      ::close(descriptor);
      if (code != ECONNREFUSED && code != ETIMEDOUT && code != EINPROGRESS) {
        errno = code;
        return system_error(name, "connecting");
      }
    }
    ::poll(nullptr, 0, kPollMs);
  }
  return cancelled(name);
}

absl::StatusOr<int> accept_one(const std::string& name, int listener, const std::atomic<bool>& stop) {
  pollfd waiting{listener, POLLIN, 0};
  while (!stop) {
    if (::poll(&waiting, 1, kPollMs) <= 0) continue;
    const int descriptor = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor >= 0) {
      prepare_socket(descriptor);
      return descriptor;
    }
    if (errno != EINTR && errno != ECONNABORTED) return system_error(name, "accepting");
  }
  return cancelled(name);
}

absl::StatusOr<int> listen_at(const std::string& name, const HostPort& where, const std::atomic<bool>& stop) {
  auto addresses = resolve(name, where, AI_PASSIVE);
  if (!addresses.ok()) return addresses.status();
  const addrinfo& first = **addresses;
  const int listener = ::socket(first.ai_family, first.ai_socktype | SOCK_CLOEXEC, first.ai_protocol);
  if (listener < 0) return system_error(name, "opening a socket");
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  absl::StatusOr<int> accepted;
  if (::bind(listener, first.ai_addr, first.ai_addrlen) != 0 || ::listen(listener, 1) != 0) {
    accepted = system_error(name, "listening");
  } else {
    accepted = accept_one(name, listener, stop);
  }
  ::close(listener);
  return accepted;
}

absl::StatusOr<int> open_fifo(const std::string& path, const std::atomic<bool>& stop) {
  while (!stop) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0) {
      ::fcntl(descriptor, F_SETPIPE_SZ, 1 << 20);  // a wish: the default serves too
      return descriptor;
    }
    if (errno != ENXIO) return system_error(path, "opening");
    ::poll(nullptr, 0, kPollMs / 2);  // nobody reads yet
  }
  return cancelled(path);
}

absl::StatusOr<int> open_path(const std::string& path, const std::atomic<bool>& stop) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode)) return open_fifo(path, stop);
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return system_error(path, "opening");
  return descriptor;
}

absl::StatusOr<int> open_standard_output() {
  const int descriptor = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (descriptor < 0) return system_error("standard output", "opening");
  return descriptor;
}

absl::StatusOr<int> open_address(const std::string& address, const std::atomic<bool>& stop) {
  constexpr std::string_view kConnect = "tcp://", kListen = "tcp-listen://", kFile = "file:";
  if (address == "-") return open_standard_output();
  for (const bool connects : {true, false}) {
    const std::string_view prefix = connects ? kConnect : kListen;
    if (!address.starts_with(prefix)) continue;
    auto where = parse_host_port(address, prefix.size());
    if (!where.ok()) return where.status();
    return connects ? connect_to(address, *where, stop) : listen_at(address, *where, stop);
  }
  if (address.find("://") != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(address, ": tcp://host:port, tcp-listen://host:port, a file, a FIFO or - was expected"));
  }
  return open_path(address.starts_with(kFile) ? address.substr(kFile.size()) : address, stop);
}

}  // namespace

absl::StatusOr<Output> Output::open(const std::string& address, const std::atomic<bool>& stop) {
  if (address.empty()) return absl::InvalidArgumentError("-o: an output was expected, found nothing");
  auto descriptor = open_address(address, stop);
  if (!descriptor.ok()) return descriptor.status();
  return Output(address == "-" ? "standard output" : address, *descriptor, stop);
}

Output::Output(Output&& other) noexcept
    : name_(std::move(other.name_)), descriptor_(std::exchange(other.descriptor_, -1)), stop_(other.stop_) {}

Output::~Output() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

absl::Status Output::wait_until_writable() {
  const auto start = Clock::now();
  pollfd waiting{descriptor_, POLLOUT, 0};
  while (::poll(&waiting, 1, kPollMs) == 0) {
    if (*stop_ && Clock::now() - start > kPatience) {
      return absl::UnavailableError(absl::StrCat(name_, ": stopped within an orbit: the receiver takes nothing"));
    }
  }
  return absl::OkStatus();
}

absl::Status Output::write(std::span<const std::span<const std::byte>> pieces) {
  std::vector<iovec> left;
  for (const auto& piece : pieces) {
    if (!piece.empty()) left.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
  }
  constexpr size_t kMostAtOnce = 512;
  for (size_t first = 0; first < left.size();) {
    const auto count = static_cast<int>(std::min(left.size() - first, kMostAtOnce));
    ssize_t written = ::writev(descriptor_, left.data() + first, count);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return system_error(name_, "writing");
      if (absl::Status s = wait_until_writable(); !s.ok()) return s;
      continue;
    }
    while (first < left.size() && static_cast<size_t>(written) >= left[first].iov_len) {
      written -= static_cast<ssize_t>(left[first++].iov_len);
    }
    if (written > 0) {
      left[first].iov_base = static_cast<std::byte*>(left[first].iov_base) + written;
      left[first].iov_len -= static_cast<size_t>(written);
    }
  }
  return absl::OkStatus();
}

absl::Status Output::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor < 0 || ::close(descriptor) == 0) return absl::OkStatus();
  return system_error(name_, "closing");
}

}  // namespace strobe::scouting
