#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace strobe::scouting {

struct PeerAddress {
  std::string host;  ///< without the brackets of an IPv6 address
  uint16_t port = 0;
};

/// Of "host:port" or "[::1]:port"; none where it is neither.
std::optional<PeerAddress> parse_peer_address(const std::string& text);

}  // namespace strobe::scouting
