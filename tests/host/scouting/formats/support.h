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
#include "host/scouting/formats/find_format.h"
#include "tests/host/scouting/formats/packets.h"

/// What the decoders' tests share.
namespace strobe::scouting {

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

/// Everything that a decoder says, to compare two of them.
inline std::string transcript(std::span<const Step> steps) {
  std::ostringstream text;
  for (const Step& step : steps) {
    const SourceOrbit& orbit = step.orbit;
    text << static_cast<int>(step.decoded.kind) << ' ' << step.decoded.consumed << ' ' << step.decoded.detail << '\n';
    if (step.decoded.kind != Decoded::Kind::kOrbit) continue;
    text << orbit.number << ' ' << orbit.crossings_in << ':';
    for (const uint64_t fault : orbit.crossing_faults) text << ' ' << fault;
    for (const uint16_t crossing : orbit.crossings) text << ' ' << crossing;
    for (const uint32_t first : orbit.collections[0].first) text << ' ' << first;
    for (const auto& column : orbit.collections[0].narrow) {
      for (const uint32_t word : column) text << ' ' << word;
    }
    for (const auto& column : orbit.collections[0].wide) {
      for (const uint64_t word : column) text << ' ' << word;
    }
    for (const std::byte byte : orbit.payload) text << ' ' << static_cast<int>(byte);
    for (const uint32_t first : orbit.payload_first) text << ' ' << first;
    for (const BadBytes& bad : orbit.bad) text << " bad " << bad.bytes.size();
  }
  return text.str();
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
