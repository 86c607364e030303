#include "host/scouting/formats/extract_loops-inl.h"

#if defined(__AVX2__)

#include <immintrin.h>

namespace strobe::scouting {
namespace {

inline void store(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }
inline void store_low(void* to, __m256i value) {
  _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_castsi256_si128(value));
}
inline void store_high(void* to, __m256i value) {
  _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_extracti128_si256(value, 1));
}
inline __m256i twice(__m128i half) { return _mm256_broadcastsi128_si256(half); }

/// Sixteen candidates a turn. Words 2k, 2k+1 and 8+2k, 9+2k share a register, so that unpacking within halves leaves
/// columns in order.
void puppi(const uint64_t* words, size_t count, const PuppiColumns& to) {
  // Of words shifted right by 2, a pair's bytes: eta eta, phi phi, z0 z0, dxy dxy quality quality.
  const __m256i by_field = twice(_mm_setr_epi8(1, 2, 9, 10, 3, 4, 11, 12, 4, 5, 12, 13, 6, 14, 7, 15));
  // Of words as they are: pt pt, then the bytes that have the particle id on top.
  const __m256i low_fields = twice(_mm_setr_epi8(0, 1, 8, 9, 4, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m256i pairs_apart = twice(_mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    __m256i fields[4], low[4];
    for (int k = 0; k < 4; ++k) {
      const auto* const from = reinterpret_cast<const __m128i*>(words + i + 2 * k);
      const __m256i pair =
          _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(from)), _mm_loadu_si128(from + 4), 1);
      fields[k] = _mm256_shuffle_epi8(_mm256_srli_epi64(pair, 2), by_field);
      low[k] = _mm256_shuffle_epi8(pair, low_fields);
    }
    const __m256i eta_phi_0 = _mm256_unpacklo_epi32(fields[0], fields[1]);
    const __m256i eta_phi_1 = _mm256_unpacklo_epi32(fields[2], fields[3]);
    const __m256i z_bytes_0 = _mm256_unpackhi_epi32(fields[0], fields[1]);
    const __m256i z_bytes_1 = _mm256_unpackhi_epi32(fields[2], fields[3]);
    store(to.eta + i, _mm256_srai_epi16(_mm256_unpacklo_epi64(eta_phi_0, eta_phi_1), 4));
    const __m256i phi = _mm256_unpackhi_epi64(eta_phi_0, eta_phi_1);
    store(to.phi + i, _mm256_srai_epi16(_mm256_slli_epi16(phi, 5), 5));
    const __m256i z = _mm256_unpacklo_epi64(z_bytes_0, z_bytes_1);
    store(to.z0 + i, _mm256_srai_epi16(z, 6));
    store(to.wpuppi + i, _mm256_srli_epi16(z, 6));
    const __m256i bytes =
        _mm256_permute4x64_epi64(_mm256_shuffle_epi8(_mm256_unpackhi_epi64(z_bytes_0, z_bytes_1), pairs_apart), 0xD8);
    store_low(to.dxy + i, bytes);
    store_low(to.em_id + i, _mm256_and_si256(bytes, _mm256_set1_epi8(0x3F)));
    store_high(to.quality + i, _mm256_and_si256(bytes, _mm256_set1_epi8(7)));
    const __m256i low_0 = _mm256_unpacklo_epi32(low[0], low[1]), low_1 = _mm256_unpacklo_epi32(low[2], low[3]);
    store(to.pt + i, _mm256_and_si256(_mm256_unpacklo_epi64(low_0, low_1), _mm256_set1_epi16(0x3FFF)));
    const __m256i ids =
        _mm256_and_si256(_mm256_srli_epi16(_mm256_unpackhi_epi64(low_0, low_1), 5), _mm256_set1_epi8(7));
    store_low(to.particle + i, _mm256_permute4x64_epi64(_mm256_shuffle_epi8(ids, pairs_apart), 0xD8));
  }
  extract_puppi_one_by_one(words, i, count, to);
}

const ExtractLoops kLoops = {extract_field, puppi};

}  // namespace

const ExtractLoops* extract_avx2() { return &kLoops; }

}  // namespace strobe::scouting

#else

namespace strobe::scouting {
const ExtractLoops* extract_avx2() { return nullptr; }
}  // namespace strobe::scouting

#endif
