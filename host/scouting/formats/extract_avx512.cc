#include "host/scouting/formats/extract_loops-inl.h"

#if defined(__AVX512BW__) && defined(__AVX512VBMI__)

#include <immintrin.h>

namespace strobe::scouting {
namespace {

/// Lanes of a permutation of two registers, worked out by the compiler.
struct Lanes16 {
  alignas(64) uint16_t at[32];
  /// Field `low` of sixteen words, then field `high`: words have four fields of 16 bit.
  constexpr Lanes16(int low, int high) : at{} {
    for (int i = 0; i < 16; ++i) {
      at[i] = static_cast<uint16_t>(4 * i + low);
      at[16 + i] = static_cast<uint16_t>(4 * i + high);
    }
  }
};
struct Lanes8 {
  alignas(64) uint8_t at[64];
  /// Bytes 0, 1 and 2 of sixteen words, 16 of each.
  constexpr Lanes8() : at{} {
    for (int i = 0; i < 64; ++i) at[i] = static_cast<uint8_t>(8 * (i % 16) + (i / 16) % 3);
  }
};
constexpr Lanes16 kPtEta(0, 1), kPhiZ(2, 3);
constexpr Lanes8 kBytes;

inline __m512i first_halves(__m512i a, __m512i b) { return _mm512_inserti64x4(a, _mm512_castsi512_si256(b), 1); }
inline __m512i second_halves(__m512i a, __m512i b) { return _mm512_shuffle_i64x2(a, b, 0xEE); }
inline void store(void* to, __m512i value) { _mm512_storeu_si512(to, value); }
inline void store_half(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }

/// Thirty-two candidates a turn: fields of 16 bit are cut out of each word at any bit, then sorted by field.
void puppi(const uint64_t* words, size_t count, const PuppiColumns& to) {
  // Bits at which a word's eight bytes begin: pt, eta, phi, z0; and particle, dxy, quality.
  const __m512i cuts = _mm512_set1_epi64(0x3028'221A'160E'0800);
  const __m512i byte_cuts = _mm512_set1_epi64(0x0000'0000'003A'3225);
  const __m512i pt_eta = _mm512_load_si512(kPtEta.at), phi_z = _mm512_load_si512(kPhiZ.at);
  const __m512i bytes_apart = _mm512_load_si512(kBytes.at);
  const __m512i pairs = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i third = _mm512_setr_epi64(4, 5, 12, 13, 4, 5, 12, 13);
  const __m512i particle_mask = _mm512_inserti64x4(_mm512_set1_epi8(-1), _mm256_set1_epi8(7), 0);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m512i cut[4], bytes[4];
    for (int k = 0; k < 4; ++k) {
      const __m512i word = _mm512_loadu_si512(words + i + 8 * k);
      cut[k] = _mm512_multishift_epi64_epi8(cuts, word);
      bytes[k] = _mm512_multishift_epi64_epi8(byte_cuts, word);
    }
    const __m512i a0 = _mm512_permutex2var_epi16(cut[0], pt_eta, cut[1]);
    const __m512i a1 = _mm512_permutex2var_epi16(cut[2], pt_eta, cut[3]);
    const __m512i b0 = _mm512_permutex2var_epi16(cut[0], phi_z, cut[1]);
    const __m512i b1 = _mm512_permutex2var_epi16(cut[2], phi_z, cut[3]);
    store(to.pt + i, _mm512_and_si512(first_halves(a0, a1), _mm512_set1_epi16(0x3FFF)));
    store(to.eta + i, _mm512_srai_epi16(_mm512_slli_epi16(second_halves(a0, a1), 4), 4));
    store(to.phi + i, _mm512_srai_epi16(_mm512_slli_epi16(first_halves(b0, b1), 5), 5));
    const __m512i z = second_halves(b0, b1);
    store(to.z0 + i, _mm512_srai_epi16(_mm512_slli_epi16(z, 6), 6));
    store(to.wpuppi + i, _mm512_and_si512(z, _mm512_set1_epi16(0x3FF)));
    const __m512i c0 = _mm512_permutex2var_epi8(bytes[0], bytes_apart, bytes[1]);
    const __m512i c1 = _mm512_permutex2var_epi8(bytes[2], bytes_apart, bytes[3]);
    const __m512i particle_dxy = _mm512_and_si512(_mm512_permutex2var_epi64(c0, pairs, c1), particle_mask);
    const __m256i dxy = _mm512_extracti64x4_epi64(particle_dxy, 1);
    const __m256i quality = _mm512_castsi512_si256(_mm512_permutex2var_epi64(c0, third, c1));
    store_half(to.particle + i, _mm512_castsi512_si256(particle_dxy));
    store_half(to.dxy + i, dxy);
    store_half(to.em_id + i, _mm256_and_si256(dxy, _mm256_set1_epi8(0x3F)));
    store_half(to.quality + i, _mm256_and_si256(quality, _mm256_set1_epi8(7)));
  }
  extract_puppi_one_by_one(words, i, count, to);
}

const ExtractLoops kLoops = {extract_field, puppi};

}  // namespace

const ExtractLoops* extract_avx512() { return &kLoops; }

}  // namespace strobe::scouting

#else

namespace strobe::scouting {
const ExtractLoops* extract_avx512() { return nullptr; }
}  // namespace strobe::scouting

#endif
