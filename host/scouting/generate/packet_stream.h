#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "host/scouting/generate/packet.h"

namespace strobe::scouting {

struct StreamOptions {
  uint64_t orbits = 0;         ///< 0: without end
  uint32_t first_orbit = 1;    ///< number of the first
  uint32_t packet_orbits = 1;  ///< orbits a packet, where the format takes several
  uint32_t pool = 0;           ///< this many packets are made at once and sent again and again; 0: each is new
};

/// A piece of the stream: bytes to be sent, in order.
struct Piece {
  std::span<const std::byte> bytes;
  uint32_t orbits = 0;
};

/// A source's packets, one after the other.
class PacketStream {
 public:
  /// Errors: InvalidArgument (several orbits a packet in a format that has none; more memory than 8 GiB for the pool).
  static absl::StatusOr<PacketStream> create(OrbitMaker maker, const StreamOptions& options);
  /// The next piece; empty at the end. Its bytes stay as they are during the next `lasting()` - 1 calls.
  Piece next();
  size_t lasting() const { return packets_.size(); }
  /// What stands once at the start.
  std::span<const std::byte> preamble() const { return preamble_.view(); }
  const OrbitMaker& maker() const { return maker_; }

 private:
  PacketStream(OrbitMaker maker, const StreamOptions& options) : maker_(std::move(maker)), options_(options) {}
  void fill(uint64_t first_index, uint32_t count, Packet& packet);

  OrbitMaker maker_;
  StreamOptions options_;
  std::unique_ptr<Framer> framer_;
  std::vector<Packet> packets_;  ///< the pool, or what was made last
  Buffer<std::byte> preamble_;
  GeneratedOrbit orbit_;
  uint64_t sent_orbits_ = 0, sent_packets_ = 0;
};

}  // namespace strobe::scouting
