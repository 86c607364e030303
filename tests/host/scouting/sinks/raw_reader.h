#pragma once

#include "sink_fixture.h"

/// What stands in a raw file, read by hand.
namespace strobe::scouting {

template <typename T>
T at(const std::string& bytes, size_t offset) {
  T value{};
  EXPECT_LE(offset + sizeof value, bytes.size());
  if (offset + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

struct RawOrbit {
  uint32_t run, section, number;
  std::string payload;
};

/// The orbits of `bytes`, all checked; `rest` gets what is left behind the last whole one.
inline std::vector<RawOrbit> raw_orbits(const std::string& bytes, size_t offset, size_t* rest) {
  std::vector<RawOrbit> orbits;
  while (bytes.size() - offset >= 24) {
    const auto size = at<uint32_t>(bytes, offset + 16);
    if (size > bytes.size() - offset - 24) break;
    const std::string payload = bytes.substr(offset + 24, size);
    EXPECT_EQ(at<uint16_t>(bytes, offset), 6);
    EXPECT_EQ(at<uint16_t>(bytes, offset + 2), 0);
    EXPECT_EQ(at<uint32_t>(bytes, offset + 20), crc32c(std::as_bytes(std::span(payload))));
    orbits.push_back(
        {at<uint32_t>(bytes, offset + 4), at<uint32_t>(bytes, offset + 8), at<uint32_t>(bytes, offset + 12), payload});
    offset += 24 + size;
  }
  *rest = bytes.size() - offset;
  return orbits;
}

/// Those of a complete file, whose header is checked too.
inline std::vector<RawOrbit> raw_file(const std::string& bytes, uint32_t run, uint32_t section) {
  size_t rest = 0;
  std::vector<RawOrbit> orbits = raw_orbits(bytes, 32, &rest);
  EXPECT_EQ(rest, 0u);
  EXPECT_EQ(bytes.substr(0, 8), "RAW_0002");
  EXPECT_EQ(at<uint16_t>(bytes, 8), 32);
  EXPECT_EQ(at<uint16_t>(bytes, 10), 20);
  EXPECT_EQ(at<uint32_t>(bytes, 12), orbits.size());
  EXPECT_EQ(at<uint32_t>(bytes, 16), run);
  EXPECT_EQ(at<uint32_t>(bytes, 20), section);
  EXPECT_EQ(at<uint64_t>(bytes, 24), bytes.size());
  for (const RawOrbit& orbit : orbits) {
    EXPECT_EQ(orbit.run, run);
    EXPECT_EQ(orbit.section, section);
  }
  return orbits;
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// What a filtered orbit's payload must be, crossing by crossing.
inline std::string kept_payload_of(const MuonOrbits::Made& made) {
  std::string payload = text_of(made.part.payload.view()).substr(0, 4);
  for (size_t c = 0; c < made.keep.size(); ++c) {
    const uint32_t begin = made.part.payload_first[c], end = made.part.payload_first[c + 1];
    if (made.keep[c]) payload += text_of(made.part.payload.view().subspan(begin, end - begin));
  }
  return payload;
}

}  // namespace strobe::scouting
