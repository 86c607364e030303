#pragma once

#include <cstddef>
#include <cstdint>

/// The hot loop of the muon decoder, once for each instruction set. Files that are compiled for one include nothing
/// that could leave vector code in an inline function of the whole program.
namespace strobe::scouting {

constexpr size_t kBlockBytes = 192;
constexpr uint32_t kOrbitMask = 0x7FFFFFFF;
constexpr uint32_t kCrossingMask = 0x1FFF;
constexpr uint32_t kPtMask = 0x1FFu << 10;
constexpr size_t kBitmapWords = 112;  ///< of 32 bit
constexpr size_t kMuonsPerBlock = 16;
constexpr uint32_t kMuonBytes = 12;
constexpr uint32_t kBlockHeaderBytes = 12;  ///< header, crossing, orbit of a zero-suppressed block
constexpr size_t kMostCrossings = 3565;

/// Where the loop writes: arrays that hold the largest orbit and 64 bytes more; and how far it is.
struct GmtOutput {
  uint16_t* crossings = nullptr;
  uint32_t* first = nullptr;  ///< of the columns
  uint32_t* f = nullptr;
  uint32_t* s = nullptr;
  uint32_t* extra = nullptr;
  std::byte* payload = nullptr;
  uint32_t* payload_first = nullptr;
  uint32_t blocks = 0, muons = 0, payload_bytes = 0;
  int32_t last_crossing = -1;
  alignas(64) uint64_t seen[kBitmapWords / 2] = {};  ///< the bitmap as the blocks have it
};

/// Decodes blocks from `begin` for as long as whole ones come that are right in every way: eight links with orbit
/// `number` and the same crossing, in range and above the one before. Returns the first byte not taken.
using GmtBlocks = const std::byte* (*)(const std::byte* begin, const std::byte* end, uint32_t number,
                                       GmtOutput& output);

/// Null where this build has none.
GmtBlocks gmt_blocks_scalar(bool columns, bool payload);
GmtBlocks gmt_blocks_avx2(bool columns, bool payload);
GmtBlocks gmt_blocks_avx512(bool columns, bool payload);

}  // namespace strobe::scouting
