#pragma once

#include <cstring>

#include "host/scouting/formats/gmt_blocks.h"

/// The loop over blocks, for the instruction set of the file that includes it. `Block` reads one block:
///   Block(const std::byte*), bool agrees(number), uint32_t crossing(),
///   uint32_t mask(): bit i for the first muon of link i, bit 8 + i for the second,
///   uint32_t columns(f, s, extra), uint32_t payload(std::byte*): write the present muons, return how many.
namespace strobe::scouting {
namespace {

template <typename Word>
inline void store(std::byte* to, Word value) {
  std::memcpy(to, &value, sizeof value);
}

template <typename Block, bool kColumns, bool kPayload>
const std::byte* gmt_blocks(const std::byte* begin, const std::byte* end, uint32_t number, GmtOutput& output) {
  GmtOutput at = output;
  const std::byte* p = begin;
  for (; end - p >= static_cast<ptrdiff_t>(kBlockBytes); p += kBlockBytes) {
    const Block block(p);
    if (!block.agrees(number)) break;
    const uint32_t crossing = block.crossing();
    if (static_cast<int32_t>(crossing) <= at.last_crossing || crossing >= kMostCrossings) break;
    at.last_crossing = static_cast<int32_t>(crossing);
    output.seen[crossing >> 6] |= uint64_t{1} << (crossing & 63);
    at.crossings[at.blocks] = static_cast<uint16_t>(crossing);
    const uint32_t present = block.mask();
    const uint32_t muons = static_cast<uint32_t>(__builtin_popcount(present));
    if constexpr (kColumns) {
      at.first[at.blocks] = at.muons;
      block.columns(present, at.f + at.muons, at.s + at.muons, at.extra + at.muons);
    }
    if constexpr (kPayload) {
      at.payload_first[at.blocks] = at.payload_bytes;
      std::byte* to = at.payload + at.payload_bytes;
      const uint32_t first_muons = static_cast<uint32_t>(__builtin_popcount(present & 0xFF));
      const uint32_t header = 0xFF00FF00u | first_muons << 16 | (muons - first_muons);
      store(to, uint64_t{crossing} << 32 | header);
      store(to + 8, number);
      block.payload(present, to + kBlockHeaderBytes);
      // A block without muons leaves nothing: that is what zero suppression is.
      at.payload_bytes += muons == 0 ? 0 : kBlockHeaderBytes + kMuonBytes * muons;
    }
    at.muons += muons;
    ++at.blocks;
  }
  output.blocks = at.blocks;
  output.muons = at.muons;
  output.payload_bytes = at.payload_bytes;
  output.last_crossing = at.last_crossing;
  return p;
}

template <typename Block>
GmtBlocks choose(bool columns, bool payload) {
  if (columns) return payload ? gmt_blocks<Block, true, true> : gmt_blocks<Block, true, false>;
  return payload ? gmt_blocks<Block, false, true> : gmt_blocks<Block, false, false>;
}

}  // namespace
}  // namespace strobe::scouting
