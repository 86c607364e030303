#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "host/scouting/formats/decoder.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/formats/isa.h"
#include "tests/host/scouting/formats/packets.h"

/// One framing's decoders (STROBE_FUZZ_FORMATS, comma-separated). An input is bytes as they come (first byte even), or
/// damage to a sound stream: pieces of {place, what}. Every byte must be consumed, every orbit must keep its promises,
/// and pieces must give what the whole gives.
namespace strobe::scouting {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

uint64_t sum_of(const FaultCounts& faults) {
  uint64_t sum = 0;
  for (const uint64_t count : faults) sum += count;
  return sum;
}

void check(const SourceOrbit& orbit, const DecoderOptions& options) {
  for (size_t i = 0; i < orbit.crossings.size(); ++i) {
    require(orbit.crossings[i] <= kHighestCrossing, "a crossing above 3564");
    require(i == 0 || orbit.crossings[i] > orbit.crossings[i - 1], "crossings that do not ascend");
  }
  require(orbit.crossings_in == orbit.crossings.size() + sum_of(orbit.crossing_faults), "in = out + dropped");
  for (const Collection& collection : orbit.collections) {
    if (!options.columns) break;
    require(collection.first.size() == orbit.crossings.size() + 1, "a crossing table's length");
    for (size_t i = 1; i < collection.first.size(); ++i) {
      require(collection.first[i] >= collection.first[i - 1], "a crossing table that descends");
    }
    for (size_t word = 0; word < collection.format->word_bits.size(); ++word) {
      const bool wide = collection.format->word_bits[word] == 64;
      const size_t size = wide ? collection.wide[word].size() : collection.narrow[word].size();
      require(size == collection.objects(), "a column's length");
    }
  }
  if (options.payload && orbit.format->framing != Framing::kPatternText) {
    require(orbit.payload_first.size() == orbit.crossings.size() + 1, "the payload's crossing table");
    require(orbit.payload_first.back() == orbit.payload.size(), "the payload's end");
  }
}

/// Decodes what comes in pieces of `piece` bytes; a digest of all that was said.
uint64_t run(Decoder& decoder, const DecoderOptions& options, const Bytes& bytes, size_t piece) {
  static SourceOrbit orbit;  // its memory is kept, as in the pipeline
  uint64_t digest = 0;
  const auto add = [&digest](uint64_t value) { digest = (digest ^ value) * 0x9E3779B97F4A7C15 + (digest >> 29); };
  for (size_t begin = 0, end = std::min(piece, bytes.size()); begin < bytes.size();) {
    const bool at_end = end == bytes.size();
    // A copy of its own, so that sanitizers see reads beyond the end.
    const Bytes window(bytes.begin() + static_cast<ptrdiff_t>(begin), bytes.begin() + static_cast<ptrdiff_t>(end));
    const Decoded decoded = decoder.decode(window, at_end, orbit);
    if (decoded.kind == Decoded::Kind::kNeedMore) {
      require(decoded.consumed == 0, "more is needed, and something consumed");
      require(!at_end, "more is needed at the end");
      decoder.expect_more();
      end = std::min(end + piece, bytes.size());
      continue;
    }
    require(decoded.consumed > 0, "no progress");
    require(decoded.consumed <= end - begin, "more consumed than there was");
    begin += decoded.consumed;
    end = std::max(end, std::min(begin + piece, bytes.size()));
    add(static_cast<uint64_t>(decoded.kind));
    if (decoded.kind != Decoded::Kind::kOrbit) continue;
    check(orbit, options);
    require(orbit.input_bytes == decoded.consumed, "an orbit's bytes");
    add(orbit.number);
    for (const uint16_t crossing : orbit.crossings) add(crossing);
    for (const Collection& collection : orbit.collections) {
      for (const auto& column : collection.narrow) {
        for (const uint32_t word : column) add(word);
      }
      for (const auto& column : collection.wide) {
        for (const uint64_t word : column) add(word);
      }
    }
    for (const std::byte byte : orbit.payload) add(static_cast<uint64_t>(byte));
  }
  return digest;
}

Bytes payload_of(std::string_view format) {
  Bytes payload;
  const bool sums = format == "sum-zs";
  put32(payload, find_format(format)->source_id);
  for (uint32_t crossing = 10; crossing < 400; crossing += 97) {
    const uint32_t count = format == "gmt-zs" ? 0xFF02FF01 : crossing % 4;
    const uint32_t words = format == "gmt-zs" ? 9 : format == "calo-zs" ? 56 : sums ? 6 : crossing % 4;
    if (!sums) put32(payload, count);
    put32(payload, crossing);
    put32(payload, 42);
    for (uint32_t i = 0; i < words * (format == "stub-zs" ? 2 : 1); ++i) put32(payload, crossing * 2654435761u + i);
  }
  return payload;
}

Bytes pattern_text() {
  std::string text =
      "ID: fuzz\nMetadata: (strobe,) start of orbit, start of packet, end of packet, valid\n\nLink  000 001\n";
  for (int frame = 3560; frame < 3570; ++frame) {
    text += "Frame " + std::to_string(frame) + "    1101 0000000000000001 0001 00000000deadbeef\n";
  }
  text += "Board X\n Quad/Chan : q00c0 q00c1\n Link : 00 01\nFrame 0000 : 1v0000000000000001 0v0000000000000002\n";
  text += "#Sideband ON\n#LinkLabel LINK_00 LINK_01\n#BeginData\n0x0001 0x01 0x00ff 0x00 0x0102030405060708\n";
  Bytes bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

Bytes sound_stream(std::string_view format) {
  Bytes bytes;
  std::mt19937_64 random(1);
  switch (find_format(format)->framing) {
    case Framing::kDmaPacket:
      for (uint32_t number = 7; number < 10; ++number) {
        append(bytes, gmt_packet({random_orbit(random, number, 4, 0.2), random_orbit(random, number + 8, 2, 0.2)}));
      }
      return bytes;
    case Framing::kRawOrbit:
      bytes = raw_file_header(3, 0);
      for (int i = 0; i < 3; ++i) append(bytes, raw_orbit(42, payload_of(format)));
      return bytes;
    case Framing::kEvents:
      return Events(format == "puppi").bytes;
    case Framing::kDthBlocks:
      for (int i = 0; i < 3; ++i) {
        Bytes events;
        for (int k = 0; k < 20; ++k) append(events, Events().bytes);
        events.resize(9000);
        append(bytes, dth_blocks(events));
      }
      return bytes;
    case Framing::kPatternText:
      return pattern_text();
  }
  return bytes;
}

/// Five bytes a piece of damage: place, kind, value.
Bytes damaged(Bytes bytes, const uint8_t* data, size_t size) {
  for (; size >= 5 && !bytes.empty(); data += 5, size -= 5) {
    const size_t place = (data[0] | data[1] << 8 | data[2] << 16) % bytes.size();
    const auto at = bytes.begin() + static_cast<ptrdiff_t>(place);
    const auto left = static_cast<ptrdiff_t>(bytes.size() - place);
    if (data[3] == 0)
      bytes.erase(at, at + std::min<ptrdiff_t>(left, data[4] + 1));
    else if (data[3] == 1)
      bytes.erase(at, at + std::min<ptrdiff_t>(left, 16 * (data[4] + 1)));
    else if (data[3] == 2)
      bytes.insert(at, data[4], std::byte{0});
    else if (data[3] == 3)
      bytes.resize(place);
    else if (data[3] < 128)
      *at ^= static_cast<std::byte>(data[4]);
    else
      *at = static_cast<std::byte>(data[4]);
  }
  return bytes;
}

/// Checksums made right, so that damage gets past them.
void mend_checksums(Bytes& bytes) {
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

void fuzz(std::string_view name, const uint8_t* data, size_t size) {
  const SourceFormat& format = *find_format(name);
  const uint8_t mode = data[0];
  Bytes bytes;
  if ((mode & 1) == 0) {
    const auto* begin = reinterpret_cast<const std::byte*>(data + 2);
    bytes.assign(begin, begin + (size - 2));
  } else {
    const Bytes sound = sound_stream(name);
    bytes = damaged(sound, data + 2, size - 2);
  }
  if (format.framing == Framing::kRawOrbit && (mode & 2) != 0) mend_checksums(bytes);
  const DecoderOptions options{(mode & 4) == 0, (mode & 8) == 0};
  const size_t piece = 1 + data[1] * size_t{data[1]} / 4;
  uint64_t first = 0;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (!has_isa(isa) || (isa != Isa::kScalar && name != "gmt" && format.framing != Framing::kEvents)) continue;
    const uint64_t digest = run(**make_decoder(format, options, isa), options, bytes, bytes.size());
    require(isa == Isa::kScalar || digest == first, "an instruction set that says something else");
    first = digest;
  }
  run(**make_decoder(format, options), options, bytes, std::max(piece, bytes.size() / 64));
}

}  // namespace
}  // namespace strobe::scouting

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view names = STROBE_FUZZ_FORMATS;
  size_t count = 1;
  for (const char c : names) count += c == ',';
  for (size_t chosen = (data[0] >> 4) % count; chosen > 0; --chosen) names.remove_prefix(names.find(',') + 1);
  strobe::scouting::fuzz(names.substr(0, names.find(',')), data, size);
  return 0;
}
