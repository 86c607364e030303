#include "host/scouting/formats/event_scan-inl.h"

#if defined(__AVX2__)

#include <immintrin.h>

namespace strobe::scouting {
namespace {

/// For each mask of four words, the words that are not in it, in order: as a permutation of 32-bit lanes.
struct Leftovers {
  alignas(32) uint32_t lanes[16][8];
  constexpr Leftovers() : lanes{} {
    for (uint32_t mask = 0; mask < 16; ++mask) {
      uint32_t at = 0;
      for (uint32_t word = 0; word < 4; ++word) {
        if ((mask >> word & 1) != 0) continue;
        lanes[mask][at++] = 2 * word;
        lanes[mask][at++] = 2 * word + 1;
      }
    }
  }
};
constexpr Leftovers kLeftovers;

class QuarterStep {
 public:
  explicit QuarterStep(const std::byte* from) {
    for (int i = 0; i < 4; ++i) {
      words_[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from) + i);
      masks_[i] = static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(words_[i])));
    }
  }

  uint32_t headers() const { return masks_[0] | masks_[1] << 4 | masks_[2] << 8 | masks_[3] << 12; }
  bool agree(uint64_t header) const {
    const __m256i same = _mm256_set1_epi64x(static_cast<int64_t>(kSameInOrbit));
    const __m256i expected = _mm256_set1_epi64x(static_cast<int64_t>(header & kSameInOrbit));
    __m256i wrong = _mm256_setzero_si256();
    for (const __m256i& word : words_) {
      const __m256i agrees = _mm256_cmpeq_epi64(_mm256_and_si256(word, same), expected);
      wrong = _mm256_or_si256(wrong, _mm256_andnot_si256(agrees, word));
    }
    return _mm256_movemask_pd(_mm256_castsi256_pd(wrong)) == 0;
  }
  uint64_t* objects(uint64_t* to) const {
    for (int i = 0; i < 4; ++i) {
      const __m256i order = _mm256_load_si256(reinterpret_cast<const __m256i*>(kLeftovers.lanes[masks_[i]]));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_permutevar8x32_epi32(words_[i], order));
      to += 4 - __builtin_popcount(masks_[i]);
    }
    return to;
  }
  void places(uint32_t first, uint32_t* to) const {
    const uint32_t all = headers(), rest = all & (all - 1);
    to[0] = first + _tzcnt_u32(all);  // two at once: how many there are cannot be foreseen
    to[1] = first + _tzcnt_u32(rest);
    to += 2;
    for (uint32_t more = rest & (rest - 1); more != 0; more &= more - 1) *to++ = first + _tzcnt_u32(more);
  }

 private:
  __m256i words_[4];
  uint32_t masks_[4];
};

}  // namespace

ScanEvents scan_events_avx2() { return scan_events<QuarterStep>; }

}  // namespace strobe::scouting

#else

namespace strobe::scouting {
ScanEvents scan_events_avx2() { return nullptr; }
}  // namespace strobe::scouting

#endif
