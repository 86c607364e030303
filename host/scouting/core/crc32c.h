#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace strobe::scouting {

/// CRC-32C (Castagnoli) of `bytes`, as CMSSW's raw files and the DTH carry it. `seed` is the checksum of what stands
/// before them: crc32c(b, crc32c(a)) is that of a and b together. Faster than copying the bytes where the processor has
/// carry-less multiplication.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t seed = 0);

/// The ways of computing it, for tests and benchmarks; `crc32c` takes the last that the processor has.
enum class Crc32cMethod : uint8_t {
  kTable,    ///< eight tables, any processor
  kSse42,    ///< the crc32 instruction, three streams at once
  kPclmul,   ///< folds eight 128-bit words
  kVpclmul,  ///< folds four 512-bit words
};

/// Whether this processor has what `method` needs.
bool has_crc32c_method(Crc32cMethod method);
/// `method` must be there.
uint32_t crc32c_by(Crc32cMethod method, std::span<const std::byte> bytes, uint32_t seed = 0);

}  // namespace strobe::scouting
