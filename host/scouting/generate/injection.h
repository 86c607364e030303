#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "host/scouting/generate/packet.h"
#include "host/scouting/generate/random.h"

namespace strobe::scouting {

/// What can go wrong on the links and in the cards, on demand.
enum class Injected : uint8_t {
  kMissingOrbit,   ///< a packet is not sent
  kMissingSource,  ///< of several sources, one does not send its packet
  kFlipCrossing,   ///< a bit of a block's crossing number, on one link
  kFlipOrbit,      ///< a bit of a block's orbit number, on one link
  kFlipBitmap,     ///< a bit of the bitmap
  kFlipPayload,    ///< a bit of an object's word
  kFlipHeader,     ///< a bit of an orbit's or block's header
  kFlipTrailer,    ///< a bit of the trailer's marker
  kTruncation,     ///< the packet's end is missing
  kBadCrossing,    ///< a crossing number above 3564 on all links
  kDuplicate,      ///< the packet comes twice, the second time up to 8 packets later
  kOutOfSequence,  ///< the packet comes 1 to 8 packets later
  kStall,          ///< a pause before the packet
  kGarbage,        ///< 1 to 4096 random bytes before the packet
  kPreFiring,      ///< a crossing's objects are sent with the crossing before
  kPostFiring,     ///< or with the crossing after
};
constexpr size_t kInjectedKinds = static_cast<size_t>(Injected::kPostFiring) + 1;
constexpr uint32_t bit_of(Injected kind) { return 1u << static_cast<uint32_t>(kind); }

/// "missing-orbit", "flip-bitmap"...
std::string_view name_of(Injected kind);
/// "missing-orbit, missing-source, ...", for messages and help.
std::string injected_names();

/// The share of packets that each kind hits; of pre- and post-firing, the share of crossings with objects.
using FaultRates = std::array<double, kInjectedKinds>;
/// Adds "KIND=RATE". Errors: InvalidArgument with what was expected.
absl::Status add_fault_rate(const std::string& text, FaultRates& rates);
/// Errors: InvalidArgument where a format has nothing that this kind could hit.
absl::Status check_faults(const SourceFormat& format, const FaultRates& rates);

/// One fault in a packet.
struct Damage {
  static constexpr uint32_t kAll = ~0u;
  Injected kind;
  uint32_t orbit = 0;        ///< index in the packet of the orbit that was hit
  uint32_t crossing = kAll;  ///< index of the one crossing that was hit; kAll: nothing of the orbit can be relied on;
                             ///< crossings.size(): none of those it has
  size_t position = 0;       ///< of the damaged byte, in the packet
};

/// Damages copies of packets.
class Injector {
 public:
  Injector(const SourceFormat& format, const FaultRates& rates, uint64_t seed)
      : format_(&format), rates_(rates), random_(seed, kStream) {}
  /// Draws whether `kind` hits this time.
  bool hits(Injected kind) {
    const double rate = rates_[static_cast<size_t>(kind)];
    return rate > 0 && random_.chance(rate);
  }
  /// Which of flips, bad crossings and truncation hit this time.
  std::vector<Injected> draw_damage();
  /// Does that to the packet and says what was done.
  std::vector<Damage> damage(std::span<const Injected> kinds, Packet& packet);
  /// By how many packets one is late.
  uint32_t delay() { return 1 + random_.below(8); }
  Buffer<std::byte> garbage();

 private:
  /// Apart from the orbits' own sequences.
  static constexpr uint64_t kStream = 0x6661756c7473;
  using Damages = std::vector<Damage>;

  uint32_t any_crossing(const OrbitPlace& place);
  void flip(Packet& packet, size_t byte, uint32_t lowest_bit, uint32_t bits, Damage damage, Damages& damages);
  void flip_in_block(Injected kind, Packet& packet, Damages& damages);
  void flip_object(Packet& packet, Damages& damages);
  void flip_bitmap(Packet& packet, Damages& damages);
  void flip_frame(Injected kind, Packet& packet, Damages& damages);
  void spoil_crossing(Packet& packet, Damages& damages);
  void truncate(Packet& packet, Damages& damages);

  const SourceFormat* format_;
  FaultRates rates_;
  Random random_;
};

}  // namespace strobe::scouting
