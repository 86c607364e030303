#pragma once

#include "host/scouting/formats/extract_loops.h"

/// Plain loops that the compiler makes vector code of, for the file's instruction set.
namespace strobe::scouting {
namespace {

template <typename Word, typename Value, bool kSigned>
void extract_loop(const void* from, size_t count, FieldBits bits, void* to) {
  const auto* const words = static_cast<const Word*>(from);
  auto* const values = static_cast<Value*>(to);
  const unsigned rest = 32 - bits.width;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t high = static_cast<uint32_t>(words[i] >> bits.offset) << rest;
    if constexpr (kSigned) {
      values[i] = static_cast<Value>(static_cast<int32_t>(high) >> rest);
    } else {
      values[i] = static_cast<Value>(high >> rest);
    }
  }
}

template <typename Word>
void extract_words(const void* words, size_t count, FieldBits bits, void* to) {
  if (bits.is_byte) {
    if (bits.is_signed) return extract_loop<Word, uint8_t, true>(words, count, bits, to);
    return extract_loop<Word, uint8_t, false>(words, count, bits, to);
  }
  if (bits.is_signed) return extract_loop<Word, uint16_t, true>(words, count, bits, to);
  return extract_loop<Word, uint16_t, false>(words, count, bits, to);
}

inline void extract_field(const void* words, size_t count, FieldBits bits, void* to) {
  if (bits.is_wide) return extract_words<uint64_t>(words, count, bits, to);
  return extract_words<uint32_t>(words, count, bits, to);
}

/// Candidates `begin` to `end`, one by one: bits 0/14 pt, 14/12 eta, 26/11 phi, 37/3 particle, 40/10 z0 or weight,
/// 50/8 dxy, 58/3 quality, 50/6 em id.
inline void extract_puppi_one_by_one(const uint64_t* words, size_t begin, size_t end, const PuppiColumns& to) {
  for (size_t i = begin; i < end; ++i) {
    const uint64_t word = words[i];
    to.pt[i] = static_cast<uint16_t>(word & 0x3FFF);
    to.eta[i] = static_cast<int16_t>(static_cast<int16_t>(word >> 10) >> 4);
    to.phi[i] = static_cast<int16_t>(static_cast<int16_t>(word >> 21) >> 5);
    to.z0[i] = static_cast<int16_t>(static_cast<int16_t>(word >> 34) >> 6);
    to.wpuppi[i] = static_cast<uint16_t>(word >> 40 & 0x3FF);
    to.particle[i] = static_cast<uint8_t>(word >> 37 & 7);
    to.dxy[i] = static_cast<int8_t>(word >> 50);
    to.quality[i] = static_cast<uint8_t>(word >> 58 & 7);
    to.em_id[i] = static_cast<uint8_t>(word >> 50 & 0x3F);
  }
}

}  // namespace
}  // namespace strobe::scouting
