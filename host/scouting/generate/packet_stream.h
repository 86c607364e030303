#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "host/scouting/generate/injection.h"
#include "host/scouting/generate/packet.h"
#include "host/scouting/generate/truth.h"

namespace strobe::scouting {

struct StreamOptions {
  uint64_t orbits = 0;         ///< 0: without end
  uint32_t first_orbit = 1;    ///< number of the first
  uint32_t packet_orbits = 1;  ///< orbits a packet, where the format takes several
  uint32_t pool = 0;           ///< this many packets are made at once and sent again and again; 0: each is new
  FaultRates faults{};
  double stall_seconds = 0.2;  ///< of Injected::kStall
  uint64_t seed = 1;           ///< of the faults
  Truth* truth = nullptr;      ///< where to note what is sent; outlives the stream
};

/// A piece of the stream: bytes to be sent, in order.
struct Piece {
  std::span<const std::byte> bytes;
  uint32_t orbits = 0;
  double stall_seconds = 0;                        ///< to wait before
  std::shared_ptr<const Buffer<std::byte>> owner;  ///< of bytes that are not the stream's
};

/// A source's packets, one after the other, and what faults make of them.
class PacketStream {
 public:
  /// Errors: InvalidArgument (several orbits a packet in a format that has none; more than 8 GiB for the pool; faults
  /// that the format has no place for).
  static absl::StatusOr<PacketStream> create(OrbitMaker maker, const StreamOptions& options);
  /// The next packet's turn: appends what is sent in it, which may be nothing, and stays as it is during the next
  /// `lasting()` - 1 turns. False at the end. `left_out`: this source lacks the packet (Injected::kMissingSource).
  bool next(std::vector<Piece>& pieces, bool left_out = false);
  size_t lasting() const { return packets_.size(); }
  /// Orbits whose turn is over, sent or not.
  uint64_t orbits_passed() const { return passed_orbits_; }
  /// What stands once at the start.
  std::span<const std::byte> preamble() const { return preamble_.view(); }
  const OrbitMaker& maker() const { return maker_; }

 private:
  /// A packet on its way, or held back.
  struct Outgoing {
    std::shared_ptr<Packet> copy;  ///< null: the packet in its slot
    uint64_t due = 0;              ///< turn
    uint64_t first_orbit = 0;      ///< index of its first orbit in the truth
    uint32_t orbits = 0;
    bool is_cut = false;
    std::vector<Damage> damages;
  };

  PacketStream(OrbitMaker maker, const StreamOptions& options);
  void fill(uint64_t content, uint64_t first_index, uint32_t count, Packet& packet);
  void renumber(uint64_t first_index, Packet& packet);
  void note(uint64_t content, uint64_t first_index, uint32_t count);
  void note_fault(Injected kind, uint64_t first_orbit, uint32_t orbits);
  void note_damage(const Outgoing& outgoing, const Packet& packet);
  void note_beside(uint64_t orbit);
  void take_turn(uint32_t count, bool left_out, std::vector<Piece>& pieces);
  void send_late(std::vector<Piece>& pieces);
  void emit(const Outgoing& outgoing, const Packet& packet, std::vector<Piece>& pieces);
  void emit_garbage(std::vector<Piece>& pieces);

  OrbitMaker maker_;
  StreamOptions options_;
  std::unique_ptr<Framer> framer_;
  Injector injector_;
  std::vector<Packet> packets_;  ///< the pool, or what was made last
  Buffer<std::byte> preamble_;
  GeneratedOrbit orbit_;
  std::deque<Outgoing> late_;
  uint64_t passed_orbits_ = 0, turn_ = 0, slots_used_ = 0;
  uint64_t offset_ = 0;                 ///< bytes emitted so far
  bool after_cut_ = false;              ///< the last emitted bytes do not end where a packet ends
  uint64_t last_orbit_ = ~uint64_t{0};  ///< index of the last emitted one
};

}  // namespace strobe::scouting
