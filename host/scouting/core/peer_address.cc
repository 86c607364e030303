#include "host/scouting/core/peer_address.h"

#include "absl/strings/numbers.h"

namespace strobe::scouting {

std::optional<PeerAddress> parse_peer_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return std::nullopt;  // an IPv6 address without brackets: where its port begins cannot be told
  }
  uint32_t port = 0;
  if (host.empty() || !absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 65535) return std::nullopt;
  return PeerAddress{host, static_cast<uint16_t>(port)};
}

}  // namespace strobe::scouting
