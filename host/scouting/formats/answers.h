#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/scouting/core/bytes.h"
#include "host/scouting/core/orbit.h"
#include "host/scouting/formats/decoder.h"

/// What the decoders share: the answers they give, and how they fill an orbit.
namespace strobe::scouting {

inline Decoded need_more() { return {}; }

inline Decoded nothing(size_t bytes) { return {.kind = Decoded::Kind::kNothing, .consumed = bytes}; }

inline Decoded bad(size_t bytes, Fault fault, std::string detail) {
  return {.kind = Decoded::Kind::kBad, .consumed = bytes, .fault = fault, .detail = std::move(detail)};
}

/// Bad bytes in which orbit `number` is lost.
inline Decoded bad_orbit(size_t bytes, Fault fault, uint64_t number, std::string detail) {
  Decoded answer = bad(bytes, fault, std::move(detail));
  answer.orbit = number;
  answer.knows_orbit = true;
  answer.orbits = 1;
  return answer;
}

inline Decoded whole_orbit(size_t bytes, SourceOrbit& orbit) {
  orbit.input_bytes = bytes;
  return {.kind = Decoded::Kind::kOrbit, .consumed = bytes};
}

/// Keeps a copy of bytes that were dropped from inside an orbit.
inline void keep_bad(SourceOrbit& orbit, Fault fault, const std::byte* begin, const std::byte* end) {
  orbit.bad.push_back({fault, std::vector<std::byte>(begin, end)});
}

/// Makes `orbit` one of `format`, empty.
inline void begin_orbit(const SourceFormat& format, SourceOrbit& orbit) {
  if (orbit.format != &format) {
    orbit.collections = std::vector<Collection>(format.collections.size());
    for (size_t i = 0; i < format.collections.size(); ++i) orbit.collections[i].format = format.collections[i];
    orbit.format = &format;
  }
  orbit.clear();
}

}  // namespace strobe::scouting
