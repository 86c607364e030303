#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "host/scouting/core/buffer.h"
#include "host/scouting/core/faults.h"
#include "host/scouting/core/format.h"

namespace strobe::scouting {

constexpr uint32_t kCrossingsPerOrbit = 3564;
constexpr uint32_t kHighestCrossing = 3564;  ///< links count from 0, CMSSW from 1: both are taken
constexpr uint32_t kOrbitsPerSection = 1u << 18;
/// The luminosity section of an orbit, counted from 1.
constexpr uint32_t section_of(uint32_t orbit) { return orbit / kOrbitsPerSection + 1; }
constexpr double kOrbitSeconds = 3564 / 40.0789e6;

/// The objects of one kind in one source's orbit: a column for each word of an object, in the order of the crossings.
/// Object i's fields are bits of `narrow[w][i]` or `wide[w][i]`, as the format's fields say.
struct Collection {
  const ObjectFormat* format = nullptr;
  Buffer<uint32_t> first;  ///< crossings + 1: those of the orbit's c-th crossing are [first[c], first[c + 1])
  std::array<Buffer<uint32_t>, kMostWords> narrow;
  std::array<Buffer<uint64_t>, kMostWords> wide;

  size_t objects() const { return first.empty() ? 0 : first.back(); }
  void clear() {
    first.clear();
    for (auto& column : narrow) column.clear();
    for (auto& column : wide) column.clear();
  }
};

/// A stretch of the input that was not understood or not believed, with the reason. The bytes are copied: it is rare.
struct BadBytes {
  Fault fault;
  std::vector<std::byte> bytes;
};

/// What one source says of one orbit, decoded.
///
/// `crossings` ascend strictly; a crossing without an object of any kind is in it only where the link sent it.
/// Reused: `clear` keeps all memory.
struct SourceOrbit {
  const SourceFormat* format = nullptr;
  uint32_t number = 0;
  Buffer<uint16_t> crossings;           ///< bunch crossing numbers, 0 to 3564
  std::vector<Collection> collections;  ///< one for each of `format->collections`, in that order

  /// The orbit as CMSSW reads it, without the orbit header: u32 source id, then zero-suppressed crossing blocks.
  /// Empty unless the decoder was asked for it.
  Buffer<std::byte> payload;
  Buffer<uint32_t>
      payload_first;  ///< crossings + 1: the c-th crossing's block is [payload_first[c], payload_first[c+1])

  int64_t received_ns = 0;        ///< when its last bytes came, by the steady clock
  uint64_t input_bytes = 0;       ///< of the stream, all of this orbit
  uint64_t crossings_in = 0;      ///< that the link sent; crossings.size() + those dropped
  FaultCounts crossing_faults{};  ///< crossings dropped, by reason
  std::vector<BadBytes> bad;      ///< what was dropped from inside this orbit

  void clear() {
    number = 0;
    crossings.clear();
    for (Collection& collection : collections) collection.clear();
    payload.clear();
    payload_first.clear();
    received_ns = 0;
    input_bytes = crossings_in = 0;
    crossing_faults.fill(0);
    bad.clear();
  }
};

}  // namespace strobe::scouting
