#pragma once

#include <cstddef>
#include <cstdint>

#include "host/runtime/codec.h"
#include "kernels/model/fixed_type.h"

namespace strobe::runtime {

/// Elements that a kernel call takes at most: its intermediates stay in the first-level cache.
constexpr size_t kBlockElements = 512;

/// What the elements of a block are converted to. Arrays have one entry per element of the block.
struct BlockTypes {
  model::Rounding rounding;
  model::Overflow overflow;
  size_t container_bytes;      ///< 1, 2 or 4
  const float* scale_float;    ///< 2^fraction, for `in_float`
  const double* scale_double;  ///< 2^fraction
  const int32_t* low;          ///< limits of saturation
  const int32_t* high;
  const int32_t* mask;  ///< low bits that wrapping keeps
  const int32_t* sign;  ///< their sign bit, 0 for unsigned
};

/// Converts `count` numbers at `in` into containers at `out`, and adds to `changed` how many did not fit their type.
/// `in_float`: FP32 is scaled in FP32, everything else in FP64; the caller sees to it that scaling is exact. Any kind
/// but 64-bit integers. False, with `out` unfinished, where a value is not a number or beyond 2^30 steps: then go one
/// by one.
bool encode_block(const BlockTypes& types, ElementKind kind, bool in_float, const std::byte* in, size_t count,
                  std::byte* out, size_t& changed);

/// Copies `count` raw integers of at most 32 bits (uint32 excepted) into containers. False where one is outside
/// `low`..`high`.
bool encode_raw_block(const BlockTypes& types, const int32_t* low, const int32_t* high, ElementKind kind,
                      const std::byte* in, size_t count, std::byte* out);

/// Writes `model::ordered_key` of `count` FP32 numbers, as int32; NaN becomes the least int32. True where one is NaN.
bool encode_key_block(const std::byte* in, size_t count, std::byte* out);

}  // namespace strobe::runtime
