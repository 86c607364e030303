#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "host/scouting/core/crc32c.h"
#include "host/scouting/core/orbit.h"

/// CMSSW's raw file as its bytes lie: a file header, then orbits, each with a header and a payload. Links and TCP sinks
/// send the orbits alone. Read by formats, written by sinks and the generator.
namespace strobe::scouting {

struct RawFileHeader {
  std::array<char, 8> magic;
  uint16_t header_bytes, type;
  uint32_t orbits, run, section;
  uint64_t file_bytes;
};
static_assert(sizeof(RawFileHeader) == 32);

constexpr std::array<char, 8> kRawFileMagic = {'R', 'A', 'W', '_', '0', '0', '0', '2'};
constexpr uint16_t kRawFileType = 20;

struct RawOrbitHeader {
  uint16_t version, flags;
  uint32_t run, section, number, payload_bytes;
  uint32_t checksum;  ///< CRC-32C of the payload
};
static_assert(sizeof(RawOrbitHeader) == 24);

constexpr uint16_t kRawOrbitVersion = 6;

/// The header of an orbit with that payload.
inline RawOrbitHeader raw_orbit_header(uint32_t run, uint32_t number, std::span<const std::byte> payload) {
  return {kRawOrbitVersion, 0, run, section_of(number), number, static_cast<uint32_t>(payload.size()), crc32c(payload)};
}

}  // namespace strobe::scouting
