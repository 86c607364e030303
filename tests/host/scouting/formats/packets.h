#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "host/scouting/core/crc32c.h"

/// Packets for tests, written from the formats' description and not with the decoders' code.
namespace strobe::scouting {

using Bytes = std::vector<std::byte>;

inline void put32(Bytes& to, uint32_t value) {
  const size_t at = to.size();
  to.resize(at + sizeof(value));
  std::memcpy(&to[at], &value, sizeof(value));
}
inline void put64(Bytes& to, uint64_t value) {
  put32(to, static_cast<uint32_t>(value));
  put32(to, static_cast<uint32_t>(value >> 32));
}
inline void put16(Bytes& to, uint16_t value) {
  to.push_back(static_cast<std::byte>(value & 0xFF));
  to.push_back(static_cast<std::byte>(value >> 8));
}
inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

struct Muon {
  uint32_t f = 0, s = 0;
  bool operator==(const Muon&) const = default;
};

/// One crossing as eight links send it: muon 1 and 2 of each.
struct Crossing {
  uint32_t number = 0;
  std::array<std::array<Muon, 2>, 8> muons{};
  std::array<uint32_t, 8> high{};  ///< bits 13 to 31 of the links' crossing words
};

struct GmtOrbit {
  uint32_t number = 0;
  std::vector<Crossing> crossings;
};

inline void put_gmt_orbit(Bytes& to, const GmtOrbit& orbit) {
  put32(to, orbit.number);
  for (int i = 0; i < 7; ++i) put32(to, 0);
  std::array<uint32_t, 112> bitmap{};
  for (const Crossing& crossing : orbit.crossings) {
    for (int link = 0; link < 8; ++link) put32(to, orbit.number);
    for (int link = 0; link < 8; ++link) put32(to, crossing.number | (crossing.high[link] & ~0x1FFFu));
    for (int which = 0; which < 2; ++which) {
      for (int link = 0; link < 8; ++link) put32(to, crossing.muons[link][which].f);
      for (int link = 0; link < 8; ++link) put32(to, crossing.muons[link][which].s);
    }
    bitmap[crossing.number / 32] |= 1u << (crossing.number % 32);
  }
  for (int i = 0; i < 8; ++i) put32(to, 0xBEEFDEAD);
  for (const uint32_t word : bitmap) put32(to, word);
  for (int i = 0; i < 16; ++i) put32(to, 0);
}

inline void put_packet_trailer(Bytes& to) {
  put64(to, 0xDEADBEEFDEADBEEF);
  for (int i = 0; i < 3; ++i) put64(to, 1);
}

inline Bytes gmt_packet(const std::vector<GmtOrbit>& orbits) {
  Bytes bytes;
  for (const GmtOrbit& orbit : orbits) put_gmt_orbit(bytes, orbit);
  put_packet_trailer(bytes);
  return bytes;
}

inline GmtOrbit random_orbit(std::mt19937_64& random, uint32_t number, size_t crossings, double occupancy) {
  std::vector<uint32_t> places(3564);
  for (uint32_t i = 0; i < 3564; ++i) places[i] = i;
  std::shuffle(places.begin(), places.end(), random);
  places.resize(crossings);
  std::sort(places.begin(), places.end());
  GmtOrbit orbit{number, {}};
  for (const uint32_t place : places) {
    Crossing crossing{place, {}, {}};
    for (auto& link : crossing.muons) {
      for (Muon& muon : link) {
        if (std::uniform_real_distribution<>()(random) > occupancy) continue;
        muon = {static_cast<uint32_t>(random()) | 1u << 12, static_cast<uint32_t>(random())};
      }
    }
    for (uint32_t& high : crossing.high) high = static_cast<uint32_t>(random());
    orbit.crossings.push_back(crossing);
  }
  return orbit;
}

/// An orbit as CMSSW's raw files have it.
inline Bytes raw_orbit(uint32_t number, std::span<const std::byte> payload) {
  Bytes bytes;
  put16(bytes, 6);
  put16(bytes, 0);
  put32(bytes, 1);
  put32(bytes, number >> 18);
  put32(bytes, number);
  put32(bytes, static_cast<uint32_t>(payload.size()));
  put32(bytes, crc32c(payload));
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

inline Bytes raw_file_header(uint32_t orbits, uint64_t size) {
  Bytes bytes;
  for (const char c : std::string("RAW_0002")) bytes.push_back(static_cast<std::byte>(c));
  put16(bytes, 32);
  put16(bytes, 20);
  put32(bytes, orbits);
  put32(bytes, 1);
  put32(bytes, 7);
  put64(bytes, size);
  return bytes;
}

/// Phase 2 events of orbits 500 to 502, with candidates that say where they belong: Native64 or track muons.
struct Events {
  std::vector<size_t> starts;  ///< of the middle orbit's events
  Bytes bytes;

  explicit Events(bool native = true) {
    for (uint64_t orbit = 500; orbit < 503; ++orbit) {
      for (uint64_t crossing = 0; crossing < 3564; crossing += 198) {
        if (orbit == 501) starts.push_back(bytes.size());
        const uint64_t words = native ? crossing / 198 % 7 : 3;
        put64(bytes, (native ? uint64_t{1} << 63 : 0) | orbit << 24 | crossing << 12 | words);
        for (uint64_t i = 0; i < words; ++i) {
          put64(bytes, native ? uint64_t{0xABC} << 40 | crossing << 12 | i : i == 1 ? crossing : crossing << 4 | 1);
        }
      }
    }
  }
};

/// One orbit's events in DTH blocks of up to 255 words of 32 bytes.
inline Bytes dth_blocks(Bytes events) {
  Bytes bytes;
  events.resize((events.size() + 31) / 32 * 32);
  constexpr size_t kMost = 255 * 32;
  for (size_t at = 0, number = 0; at < events.size(); at += kMost, ++number) {
    const size_t size = std::min(kMost, events.size() - at);
    const bool first = at == 0, last = at + size == events.size();
    Bytes header(32);
    header[0] = std::byte{0x47};
    header[1] = std::byte{0x5A};
    header[2] = static_cast<std::byte>(number);
    header[5] = static_cast<std::byte>((first ? 0x80 : 0) | (last ? 0x40 : 0));
    header[6] = static_cast<std::byte>(size / 32);
    std::copy_n(events.begin(), 8, header.begin() + 16);
    append(bytes, header);
    bytes.insert(bytes.end(), events.begin() + static_cast<ptrdiff_t>(at),
                 events.begin() + static_cast<ptrdiff_t>(at + size));
  }
  return bytes;
}

}  // namespace strobe::scouting
