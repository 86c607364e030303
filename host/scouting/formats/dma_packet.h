#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "host/scouting/formats/answers.h"
#include "host/scouting/formats/gmt_blocks.h"

/// The parts of a Run 3 DMA packet, and how they are found again in damaged bytes.
namespace strobe::scouting::dma {

constexpr size_t kHeaderBytes = 32, kMarkerBytes = 32, kOrbitTrailerBytes = 544, kPacketTrailerBytes = 32;
constexpr size_t kBitmapBytes = 4 * kBitmapWords;
constexpr uint32_t kMarker = 0xBEEFDEAD;
constexpr uint64_t kPacketMagic = 0xDEADBEEFDEADBEEF;
constexpr size_t kLongestOrbit = kHeaderBytes + kBlockBytes * kMostCrossings + kOrbitTrailerBytes + kPacketTrailerBytes;
/// Blocks of an orbit, from the end of its header to the marker of its trailer.
struct Span {
  const std::byte* begin;
  const std::byte* end;
  size_t blocks() const { return static_cast<size_t>(end - begin) / kBlockBytes; }
};

inline uint32_t orbit_number(const std::byte* header) { return load<uint32_t>(header) & kOrbitMask; }

/// How many of eight words equal `value` under `mask`.
inline int words_equal(const std::byte* words, uint32_t value, uint32_t mask = ~0u) {
  int equal = 0;
  for (int i = 0; i < 8; ++i) equal += ((load<uint32_t>(words + 4 * i) ^ value) & mask) == 0;
  return equal;
}

inline bool is_marker(const std::byte* at) { return words_equal(at, kMarker) == 8; }

inline bool is_packet_trailer(const std::byte* at) { return load<uint64_t>(at) == kPacketMagic; }

/// Damaged, and still nothing else: no other word of a packet comes so near by chance.
inline bool is_like_packet_trailer(const std::byte* at) {
  return std::popcount(load<uint64_t>(at) ^ kPacketMagic) <= 8;
}

/// Whether the counts in a packet's trailer (realigned, dropped, orbits) are such as links give. They are not where
/// another orbit's header has come to stand in them.
inline bool has_sound_counts(const std::byte* packet_trailer) {
  constexpr uint64_t kMostOrbits = 255;
  const auto count = [&](size_t i) { return load<uint64_t>(packet_trailer + 8 * i); };
  return (count(1) | count(2)) >> 32 == 0 && count(3) > 0 && count(3) <= kMostOrbits;
}

/// The value that at least five of eight words share.
inline std::optional<uint32_t> majority(const std::byte* words, uint32_t mask) {
  for (int i = 0; i < 4; ++i) {
    const uint32_t value = load<uint32_t>(words + 4 * i) & mask;
    if (words_equal(words, value, mask) >= 5) return value;
  }
  return std::nullopt;
}

inline size_t population(const std::byte* trailer) {
  size_t bits = 0;
  for (size_t i = 0; i < kBitmapBytes; i += 8) {
    bits += static_cast<size_t>(std::popcount(load<uint64_t>(trailer + kMarkerBytes + i)));
  }
  return bits;
}

/// The crossings of an orbit trailer's bitmap, ascending; those past the orbit too.
std::vector<uint32_t> bitmap_crossings(const std::byte* trailer);

/// The first whole marker at any byte from `begin`; `end` if there is none.
const std::byte* find_marker(const std::byte* begin, const std::byte* end);

/// A marker of which some words are damaged, at a block's distance from `begin`, before `end`; `end` if there is none.
const std::byte* find_damaged_marker(const std::byte* begin, const std::byte* end);

}  // namespace strobe::scouting::dma
