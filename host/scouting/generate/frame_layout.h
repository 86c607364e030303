#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "host/scouting/generate/packet.h"

/// Where numbers and objects stand in each framing; what faults aim at.
namespace strobe::scouting {

/// What a crossing's block consists of.
enum class BlockKind : uint8_t {
  kMuons,       ///< the global muon trigger's
  kCalo,        ///< eight links' calorimeter words
  kSums,        ///< crossing, orbit and six sums
  kCounted,     ///< count, crossing, orbit and objects of one kind
  kCandidates,  ///< a Phase 2 event of Puppi candidates
  kTrackMuons,  ///< a Phase 2 event of track muons
  kFrame,       ///< a line of a pattern file
};
BlockKind block_kind(const SourceFormat& format);

/// A number in a block, in one 32-bit word or several, one a link.
struct NumberPlace {
  size_t byte = 0;  ///< of the little-endian value, in the block
  uint32_t lowest_bit = 0, bits = 0;
  uint32_t copies = 1;  ///< four bytes apart
};
struct BlockNumbers {
  NumberPlace crossing, orbit;
};

constexpr size_t kMarkerBytes = 32;

/// None where blocks carry no numbers (the calorimeter's DMA packets, text).
std::optional<BlockNumbers> numbers_of(const SourceFormat& format);
/// The first byte of a block that belongs to objects.
size_t objects_at(const SourceFormat& format);
/// The end of a crossing's objects, short of a header that parts them (DTH).
size_t end_of_block(const SourceFormat& format, const OrbitPlace& place, uint32_t crossing);
/// Bits of an orbit's header in which a flip matters.
uint32_t header_bits(const SourceFormat& format);
void set_number(const NumberPlace& place, size_t block, uint32_t number, Buffer<std::byte>& bytes);
/// Which of a DMA packet's blocks the bitmap gives to a crossing; none where its bit is not set.
std::optional<uint32_t> index_in_bitmap(const Packet& packet, const OrbitPlace& place, uint32_t crossing);
/// The highest crossing that is set. There must be one.
uint32_t last_in_bitmap(const Packet& packet, const OrbitPlace& place);
/// Makes the checksum right again, where there is one.
void seal(const SourceFormat& format, const OrbitPlace& place, Buffer<std::byte>& bytes);

}  // namespace strobe::scouting
