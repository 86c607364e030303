#include "host/scouting/generate/frame_layout.h"

#include <algorithm>
#include <cstddef>

#include "host/scouting/core/cmssw_raw.h"
#include "host/scouting/core/crc32c.h"
#include "host/scouting/formats/tables.h"
#include "host/scouting/generate/bytes.h"

namespace strobe::scouting {
namespace {

constexpr size_t kRawHeaderBytes = sizeof(RawOrbitHeader), kChecksumAt = offsetof(RawOrbitHeader, checksum);
constexpr size_t kBlockBytes = 8160, kBlockHeaderBytes = 32;  // of the DTH

constexpr uint32_t kBitmapBits = 3584;

bool is_set(const Packet& packet, const OrbitPlace& place, uint32_t crossing) {
  return (static_cast<uint32_t>(packet.bytes[place.bitmap + crossing / 8]) >> crossing % 8 & 1) != 0;
}

}  // namespace

BlockKind block_kind(const SourceFormat& format) {
  switch (format.framing) {
    case Framing::kDmaPacket:
      return &format == &kGmt ? BlockKind::kMuons : BlockKind::kCalo;
    case Framing::kRawOrbit:
      if (&format == &kGmtZs) return BlockKind::kMuons;
      if (&format == &kCaloZs) return BlockKind::kCalo;
      return &format == &kSumZs ? BlockKind::kSums : BlockKind::kCounted;
    case Framing::kEvents:
    case Framing::kDthBlocks:
      return &format == &kTrackMuon ? BlockKind::kTrackMuons : BlockKind::kCandidates;
    case Framing::kPatternText:
      break;
  }
  return BlockKind::kFrame;
}

std::optional<BlockNumbers> numbers_of(const SourceFormat& format) {
  switch (format.framing) {
    case Framing::kDmaPacket:
      if (block_kind(format) == BlockKind::kCalo) return std::nullopt;
      return BlockNumbers{{32, 0, 13, 8}, {0, 0, 31, 8}};
    case Framing::kRawOrbit:
      if (block_kind(format) == BlockKind::kSums) return BlockNumbers{{0, 0, 32, 1}, {4, 0, 31, 1}};
      return BlockNumbers{{4, 0, 32, 1}, {8, 0, 31, 1}};
    case Framing::kEvents:
    case Framing::kDthBlocks:
      return BlockNumbers{{0, 12, 12, 1}, {0, 24, 32, 1}};
    case Framing::kPatternText:
      break;
  }
  return std::nullopt;
}

size_t objects_at(const SourceFormat& format) {
  if (format.framing == Framing::kDmaPacket) return block_kind(format) == BlockKind::kCalo ? 0 : 64;
  if (format.framing == Framing::kRawOrbit) return block_kind(format) == BlockKind::kSums ? 8 : 12;
  return 8;
}

size_t end_of_block(const SourceFormat& format, const OrbitPlace& place, uint32_t crossing) {
  const size_t end = place.blocks[crossing + 1];
  if (format.framing != Framing::kDthBlocks) return end;
  const size_t whole = kBlockHeaderBytes + kBlockBytes;
  const size_t block_end = place.begin + ((place.blocks[crossing] - place.begin) / whole + 1) * whole;
  return std::min(end, block_end);
}

uint32_t header_bits(const SourceFormat& format) {
  switch (format.framing) {
    case Framing::kDmaPacket:
      return 31;  // the orbit number; the rest is not defined
    case Framing::kRawOrbit:
      return 16;  // the version
    case Framing::kDthBlocks:
      return 16;  // the marker
    default:
      return 64;
  }
}

void set_number(const NumberPlace& place, size_t block, uint32_t number, Buffer<std::byte>& bytes) {
  const size_t at = block + place.byte;
  const uint64_t mask = ((uint64_t{1} << place.bits) - 1) << place.lowest_bit;
  if (place.lowest_bit + place.bits > 32 || place.lowest_bit > 0) {
    const auto value = get_at<uint64_t>(at, bytes.view());
    put_at(at, (value & ~mask) | uint64_t{number} << place.lowest_bit, bytes);
    return;
  }
  const auto value = get_at<uint32_t>(at, bytes.view());
  put_at(at, static_cast<uint32_t>((value & ~mask) | number), bytes);
}

std::optional<uint32_t> index_in_bitmap(const Packet& packet, const OrbitPlace& place, uint32_t crossing) {
  if (!is_set(packet, place, crossing)) return std::nullopt;
  uint32_t index = 0;
  for (uint32_t before = 0; before < crossing; ++before) index += is_set(packet, place, before);
  return index;
}

uint32_t last_in_bitmap(const Packet& packet, const OrbitPlace& place) {
  uint32_t last = 0;
  for (uint32_t crossing = 0; crossing < kBitmapBits; ++crossing) {
    if (is_set(packet, place, crossing)) last = crossing;
  }
  return last;
}

void seal(const SourceFormat& format, const OrbitPlace& place, Buffer<std::byte>& bytes) {
  if (format.framing != Framing::kRawOrbit) return;
  const auto payload = bytes.view().subspan(place.begin + kRawHeaderBytes, place.end - place.begin - kRawHeaderBytes);
  put_at(place.begin + kChecksumAt, crc32c(payload), bytes);
}

}  // namespace strobe::scouting
