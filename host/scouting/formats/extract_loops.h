#pragma once

#include <cstddef>
#include <cstdint>

#include "host/scouting/formats/puppi_columns.h"

/// The loops of column extraction, once for each instruction set. Nothing here may come from an inline function of the
/// whole program: these files are compiled for one instruction set each.
namespace strobe::scouting {

/// Where a field is, for the loops.
struct FieldBits {
  unsigned offset, width;
  bool is_signed, is_wide, is_byte;  ///< of a 64-bit word; into a column of bytes
};

struct ExtractLoops {
  void (*field)(const void* words, size_t count, FieldBits bits, void* to);
  void (*puppi)(const uint64_t* words, size_t count, const PuppiColumns& to);
};

extern const ExtractLoops kExtractScalar;
/// Null where this build has none. The AVX-512 one also wants AVX512_VBMI of the machine.
const ExtractLoops* extract_avx2();
const ExtractLoops* extract_avx512();

}  // namespace strobe::scouting
