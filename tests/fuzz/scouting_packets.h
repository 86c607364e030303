#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "host/scouting/formats/find_format.h"
#include "tests/host/scouting/formats/packets.h"

/// Many small packets of every format out of a few bytes, and damage to them: what the decoders' fuzzer feeds on.
namespace strobe::scouting {

/// The bytes of a fuzzer's input as numbers; behind their end, random numbers that follow from them.
class Choices {
 public:
  explicit Choices(std::span<const uint8_t> bytes) : bytes_(bytes) {
    for (const uint8_t byte : bytes) state_ = (state_ ^ byte) * 0x100000001B3;
  }
  /// From 0 to `below` - 1; `below` is at most 65536.
  uint32_t pick(uint32_t below) {
    if (at_ + 2 > bytes_.size()) return word() % below;
    const uint32_t value = bytes_[at_] | static_cast<uint32_t>(bytes_[at_ + 1]) << 8;
    at_ += 2;
    return value % below;
  }
  /// Always random: contents, of which any will do.
  uint32_t word() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<uint32_t>(state_ >> 32);
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  uint64_t state_ = 0xCBF29CE484222325;
};

/// Makes a format's packets, small ones: none to some crossings, none to some objects in each.
class PacketMaker {
 public:
  PacketMaker(std::string_view format, Choices& choices) : format_(*find_format(format)), choices_(choices) {}

  /// What stands once at the front.
  Bytes preamble() {
    if (format_.framing == Framing::kPatternText) return pattern_preamble();
    return format_.framing == Framing::kRawOrbit && choices_.pick(2) == 0 ? raw_file_header(100, 0) : Bytes();
  }

  Bytes packet(uint32_t number) {
    switch (format_.framing) {
      case Framing::kDmaPacket:
        return dma_packet(number);
      case Framing::kRawOrbit:
        return raw_orbit(number, payload(number));
      case Framing::kEvents:
        return events(number);
      case Framing::kDthBlocks:
        return dth_blocks(events(number));
      case Framing::kPatternText:
        return pattern_frames(number);
    }
    return {};
  }

 private:
  /// Ascending crossing numbers, up to `most` of them.
  std::vector<uint32_t> crossings(uint32_t most) {
    std::vector<uint32_t> numbers;
    uint32_t next = choices_.word() % 300;
    for (uint32_t left = choices_.word() % (most + 1); left > 0 && next < 3564; --left) {
      numbers.push_back(next);
      next += 1 + choices_.word() % (choices_.word() % 4 == 0 ? 1500 : 3);
    }
    return numbers;
  }

  Bytes dma_packet(uint32_t number) {
    Bytes bytes;
    for (uint32_t orbit = 0; orbit <= choices_.word() % 3 / 2; ++orbit) {
      if (format_.name == "gmt") {
        put_gmt_orbit(bytes, gmt_orbit(number + orbit));
      } else {
        put_calo_orbit(bytes, number + orbit);
      }
    }
    put_packet_trailer(bytes);
    return bytes;
  }

  GmtOrbit gmt_orbit(uint32_t number) {
    GmtOrbit orbit{number, {}};
    for (const uint32_t place : crossings(5)) {
      Crossing crossing{place, {}, {}};
      for (uint32_t muons = choices_.word() % 5; muons > 0; --muons) {
        crossing.muons[choices_.word() % 8][choices_.word() % 2] = {choices_.word() | 1u << 12, choices_.word()};
      }
      for (uint32_t& high : crossing.high) high = choices_.word();
      orbit.crossings.push_back(crossing);
    }
    return orbit;
  }

  void put_calo_orbit(Bytes& bytes, uint32_t number) {
    put32(bytes, number);
    for (int i = 0; i < 7; ++i) put32(bytes, 0);
    std::array<uint32_t, 112> bitmap{};
    for (const uint32_t crossing : crossings(5)) {
      for (int i = 0; i < 48; ++i) put32(bytes, choices_.word() % 2 == 0 ? 0 : choices_.word());
      bitmap[crossing / 32] |= 1u << crossing % 32;
    }
    for (int i = 0; i < 8; ++i) put32(bytes, 0xBEEFDEAD);
    for (const uint32_t word : bitmap) put32(bytes, word);
    for (int i = 0; i < 16; ++i) put32(bytes, 0);
  }

  Bytes payload(uint32_t number) {
    Bytes bytes;
    put32(bytes, format_.source_id);
    const std::string_view name = format_.name;
    for (const uint32_t crossing : crossings(4)) {
      const uint32_t count = choices_.word() % 5;
      if (name == "gmt-zs") {
        put32(bytes, 0xFF00FF00 | (count - count / 2) << 16 | count / 2);
      } else if (name != "sum-zs") {
        put32(bytes, name == "calo-zs" ? 0 : count);
      }
      put32(bytes, crossing);
      put32(bytes, number);
      const uint32_t words = name == "gmt-zs"    ? 3 * count
                             : name == "calo-zs" ? 0
                             : name == "sum-zs"  ? 6
                             : name == "stub-zs" ? 2 * count
                                                 : count;
      for (uint32_t i = 0; i < words; ++i) put32(bytes, choices_.word());
      for (uint32_t link = 0; name == "calo-zs" && link < 8; ++link) {
        put32(bytes, link);
        for (int i = 0; i < 6; ++i) put32(bytes, choices_.word() % 2 == 0 ? 0 : choices_.word());
      }
    }
    return bytes;
  }

  /// At least one: an orbit of no events is nothing.
  Bytes events(uint32_t number) {
    Bytes bytes;
    const bool native = format_.name != "tkmuon";
    std::vector<uint32_t> numbers = crossings(7);
    if (numbers.empty()) numbers.push_back(0);
    for (const uint32_t crossing : numbers) {
      const uint32_t count = choices_.word() % 5;
      const uint64_t words = native ? count : (3 * count + 1) / 2;
      put64(bytes, (native ? uint64_t{1} << 63 : 0) | uint64_t{number} << 24 | uint64_t{crossing} << 12 | words);
      for (uint64_t i = 0; i < words; ++i) {
        const uint64_t word = uint64_t{choices_.word()} << 32 | choices_.word();
        // Candidates have no highest bit; muons are valid in words 0 and 2 of three, the last one's high part is zero.
        const uint64_t middle = i + 1 == words ? word & 0xFFFFFFFF : word;
        put64(bytes, native ? word >> 1 : i % 3 == 1 ? middle : word | 1);
      }
    }
    return bytes;
  }

  static Bytes bytes_of(const std::string& text) {
    const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
    return {begin, begin + text.size()};
  }

  Bytes pattern_preamble() {
    constexpr std::array kPreambles = {
        "ID: fuzz\nMetadata: (strobe,) start of orbit, start of packet, end of packet, valid\n\nLink  000 001\n",
        "Board X\n Quad/Chan : q00c0 q00c1\n Link : 00 01\n", "#Sideband ON\n#LinkLabel LINK_00 LINK_01\n#BeginData\n"};
    dialect_ = choices_.pick(kPreambles.size());
    return bytes_of(kPreambles[dialect_]);
  }

  Bytes pattern_frames(uint32_t number) {
    std::string text;
    for (const uint32_t crossing : crossings(6)) {
      const uint64_t frame = uint64_t{number} * 3564 + crossing;
      constexpr std::array kLines = {"Frame %04llu    1101 %08x%08x 0001 00000000deadbeef\n",
                                     "Frame %04llu : 1v%08x%08x 0v0000000000000002\n",
                                     "0x%04llx 0x01 0x%08x%08x 0x00 0x0102030405060708\n"};
      char line[128];
      // The formats differ in nothing but their punctuation.
      std::snprintf(line, sizeof line, kLines[dialect_], static_cast<unsigned long long>(frame), choices_.word(),
                    choices_.word());
      text += line;
    }
    return bytes_of(text);
  }

  const SourceFormat& format_;
  Choices& choices_;
  size_t dialect_ = 0;
};

/// Does one thing to `bytes`, which may be empty afterwards.
inline void damage(Bytes& bytes, Choices& choices) {
  if (bytes.empty()) return;
  const size_t place = (choices.pick(65536) | size_t{choices.word()} << 16) % bytes.size();
  const auto at = bytes.begin() + static_cast<ptrdiff_t>(place);
  const size_t left = bytes.size() - place;
  const auto some = [&](size_t most) { return static_cast<ptrdiff_t>(std::min(left, 1 + choices.word() % most)); };
  switch (choices.pick(10)) {
    case 0:
      *at = static_cast<std::byte>(choices.word());
      break;
    case 1:
      bytes.erase(at, at + some(64));
      break;
    case 2:
      bytes.erase(at, at + some(1024));
      break;
    case 3:
      bytes.insert(at, choices.word() % 300, std::byte{0});
      break;
    case 4:
      bytes.resize(place);
      break;
    case 5: {
      const Bytes piece(at, at + some(400));
      bytes.insert(bytes.begin() + choices.word() % bytes.size(), piece.begin(), piece.end());
      break;
    }
    case 6: {
      constexpr std::array<uint32_t, 8> kWords = {0, ~0u, 0xBEEFDEAD, 0xDEADBEEF, 0x5A47, 1u << 31, 0xFFF, 1};
      const uint32_t word = kWords[choices.word() % kWords.size()];
      std::memcpy(bytes.data() + place, &word, std::min(left, sizeof word));
      break;
    }
    default:
      *at ^= static_cast<std::byte>(1u << choices.word() % 8);
  }
}

/// Checksums of raw orbits made right, so that damage gets past them.
inline void mend_checksums(Bytes& bytes) {
  for (size_t at = 0; at + 28 <= bytes.size(); ++at) {
    if (bytes[at] != std::byte{6} || bytes[at + 1] != std::byte{0}) continue;
    uint32_t size = 0;
    std::memcpy(&size, &bytes[at + 16], 4);
    if (size < 4 || size > bytes.size() - at - 24) continue;
    const uint32_t sum = crc32c(std::span(bytes).subspan(at + 24, size));
    std::memcpy(&bytes[at + 20], &sum, 4);
    at += 23 + size;
  }
}

}  // namespace strobe::scouting
