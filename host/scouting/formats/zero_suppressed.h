#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "host/scouting/core/orbit.h"

/// One crossing's block in a zero-suppressed payload, in each of the layouts.
namespace strobe::scouting {

/// What is at the front of some bytes.
struct ZeroSuppressedBlock {
  size_t bytes = 0;
  uint32_t crossing = 0, orbit = 0;
  const std::byte* objects = nullptr;
  size_t count = 0;  ///< objects; of "calo-zs" links, of "sum-zs" sums
};

/// The functions of one format. `append` needs no room made before.
struct ZeroSuppressedLayout {
  std::optional<ZeroSuppressedBlock> (*read)(std::span<const std::byte> bytes);
  void (*append)(const ZeroSuppressedBlock& block, SourceOrbit& orbit);
  void (*finish)(SourceOrbit& orbit);
  size_t longest_payload;  ///< bytes; more is taken for damage
};

/// `format` is one of framing kRawOrbit.
ZeroSuppressedLayout zero_suppressed_layout(const SourceFormat& format);

}  // namespace strobe::scouting
