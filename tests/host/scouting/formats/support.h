#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "host/scouting/formats/decoder.h"

/// Packets for tests, written from the formats' description and not with the decoders' code.
namespace strobe::scouting {

using Bytes = std::vector<std::byte>;

inline void put32(Bytes& to, uint32_t value) {
  for (int i = 0; i < 4; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
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

/// What a decoder says of a whole stream, step by step.
struct Step {
  Decoded decoded;
  SourceOrbit orbit;
};

/// Decodes all of `bytes`. Fails the test if the decoder does not get on, or consumes more than there is.
inline std::vector<Step> decode_all(Decoder& decoder, std::span<const std::byte> bytes) {
  std::vector<Step> steps;
  while (!bytes.empty()) {
    Step step;
    step.decoded = decoder.decode(bytes, true, step.orbit);
    EXPECT_NE(step.decoded.kind, Decoded::Kind::kNeedMore) << bytes.size() << " bytes left";
    EXPECT_GT(step.decoded.consumed, 0u);
    EXPECT_LE(step.decoded.consumed, bytes.size());
    if (step.decoded.kind == Decoded::Kind::kNeedMore || step.decoded.consumed == 0) break;
    if (step.decoded.consumed > bytes.size()) break;
    bytes = bytes.subspan(step.decoded.consumed);
    steps.push_back(std::move(step));
  }
  return steps;
}

inline std::unique_ptr<Decoder> decoder_of(std::string_view format, DecoderOptions options = {true, true},
                                           Isa isa = Isa::kScalar) {
  auto decoder = make_decoder(*find_format(format), options, isa);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return std::move(*decoder);
}

inline uint64_t raw_field(const Collection& collection, std::string_view name, size_t object) {
  const Field& field = *collection.format->find(name);
  const uint64_t word = collection.format->word_bits[field.word] == 64 ? collection.wide[field.word][object]
                                                                       : collection.narrow[field.word][object];
  return word >> field.offset & ((uint64_t{1} << field.width) - 1);
}

inline int64_t field(const Collection& collection, std::string_view name, size_t object) {
  const Field& found = *collection.format->find(name);
  const auto raw = static_cast<int64_t>(raw_field(collection, name, object));
  return found.is_signed && (raw >> (found.width - 1) & 1) != 0 ? raw - (int64_t{1} << found.width) : raw;
}

inline std::string shared_data() {
  const char* given = std::getenv("STROBE_SHARED_DATA");
  return given != nullptr ? given : STROBE_SOURCE_DIR "/../shared/data";
}

#define SKIP_WITHOUT(path)                                                             \
  if (!std::filesystem::exists(path)) {                                                \
    if (std::getenv("CI") != nullptr) GTEST_FAIL() << "no reference data at " << path; \
    GTEST_SKIP() << "no reference data at " << path << " (set STROBE_SHARED_DATA)";    \
  }

inline Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(begin, begin + text.size());
}

/// The content of a gzip file, by the system's gzip.
inline Bytes unzipped(const std::string& path) {
  Bytes bytes;
  FILE* const pipe = popen(("gzip -dc '" + path + "'").c_str(), "r");
  if (pipe == nullptr) return bytes;
  std::array<std::byte, 65536> part;
  while (const size_t got = fread(part.data(), 1, part.size(), pipe)) bytes.insert(bytes.end(), &part[0], &part[got]);
  pclose(pipe);
  return bytes;
}

}  // namespace strobe::scouting
