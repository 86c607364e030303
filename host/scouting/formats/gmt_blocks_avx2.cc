#include "host/scouting/formats/gmt_blocks-inl.h"

#if defined(__AVX2__)

#include <immintrin.h>

namespace strobe::scouting {
namespace {

/// For each mask of eight lanes, the lanes that are set, in order, then zeros: 8 x 4 bits.
struct CompressTable {
  uint32_t lanes[256];
  constexpr CompressTable() : lanes{} {
    for (uint32_t mask = 0; mask < 256; ++mask) {
      uint32_t at = 0;
      for (uint32_t lane = 0; lane < 8; ++lane) {
        if ((mask >> lane & 1) != 0) lanes[mask] |= lane << (4 * at++);
      }
    }
  }
};
constexpr CompressTable kCompress;

inline __m256i load256(const std::byte* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
inline void store256(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }

/// Muons of eight lanes at a time in registers of 256 bit.
class HalfBlock {
 public:
  explicit HalfBlock(const std::byte* from) : from_(from) {}

  bool agrees(uint32_t number) const {
    const __m256i orbits = _mm256_xor_si256(load256(from_), _mm256_set1_epi32(static_cast<int>(number)));
    int crossing;
    std::memcpy(&crossing, from_ + 32, 4);
    const __m256i crossings = _mm256_xor_si256(load256(from_ + 32), _mm256_set1_epi32(crossing));
    const __m256i wrong =
        _mm256_or_si256(_mm256_and_si256(orbits, _mm256_set1_epi32(static_cast<int>(kOrbitMask))),
                        _mm256_and_si256(crossings, _mm256_set1_epi32(static_cast<int>(kCrossingMask))));
    return _mm256_testz_si256(wrong, wrong) != 0;
  }
  uint32_t crossing() const {
    uint32_t crossing;
    std::memcpy(&crossing, from_ + 32, 4);
    return crossing & kCrossingMask;
  }
  uint32_t mask() const { return half_mask(64) | half_mask(128) << 8; }
  void columns(uint32_t present, uint32_t* f, uint32_t* s, uint32_t* extra) const {
    const uint32_t low = present & 0xFF, high = present >> 8;
    half_columns(low, 64, extra_words(0), f, s, extra);
    const int muons = __builtin_popcount(low);
    half_columns(high, 128, extra_words(1), f + muons, s + muons, extra + muons);
  }
  void payload(uint32_t present, std::byte* to) const {
    const uint32_t low = present & 0xFF, high = present >> 8;
    half_payload(low, 64, extra_words(0), to);
    half_payload(high, 128, extra_words(1), to + kMuonBytes * static_cast<uint32_t>(__builtin_popcount(low)));
  }

 private:
  uint32_t half_mask(size_t at) const {
    const __m256i pt = _mm256_and_si256(load256(from_ + at), _mm256_set1_epi32(static_cast<int>(kPtMask)));
    const __m256i present = _mm256_cmpgt_epi32(pt, _mm256_setzero_si256());
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(present)));
  }
  __m256i extra_words(int selector) const {
    const __m256i crossings = _mm256_andnot_si256(_mm256_set1_epi32(1), load256(from_ + 32));
    return _mm256_or_si256(crossings, _mm256_set1_epi32(selector));
  }
  static __m256i lanes(uint32_t mask) {
    const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    // Permutation takes the low three bits of a lane's number and ignores the rest.
    return _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(kCompress.lanes[mask])), shifts);
  }
  void half_columns(uint32_t mask, size_t at, __m256i extra_in, uint32_t* f, uint32_t* s, uint32_t* extra) const {
    const __m256i order = lanes(mask);
    store256(f, _mm256_permutevar8x32_epi32(load256(from_ + at), order));
    store256(s, _mm256_permutevar8x32_epi32(load256(from_ + at + 32), order));
    store256(extra, _mm256_permutevar8x32_epi32(extra_in, order));
  }
  void half_payload(uint32_t mask, size_t at, __m256i extra_in, std::byte* to) const {
    const __m256i order = lanes(mask);
    const __m256i f = _mm256_permutevar8x32_epi32(load256(from_ + at), order);
    const __m256i s = _mm256_permutevar8x32_epi32(load256(from_ + at + 32), order);
    const __m256i x = _mm256_permutevar8x32_epi32(extra_in, order);
    interleave<0>(f, s, x, to);
    if (__builtin_popcount(mask) > 2) [[unlikely]] {  // the first register holds two muons and two thirds
      interleave<8>(f, s, x, to + 32);
      interleave<16>(f, s, x, to + 64);
    }
  }
  /// Words kFrom to kFrom + 7 of f0 s0 x0 f1 s1 x1 ...
  template <int kFrom>
  static void interleave(__m256i f, __m256i s, __m256i x, std::byte* to) {
    constexpr auto muon = [](int i) { return (kFrom + i) / 3; };
    const __m256i order = _mm256_setr_epi32(muon(0), muon(1), muon(2), muon(3), muon(4), muon(5), muon(6), muon(7));
    constexpr auto lanes_of = [](int word) {
      int chosen = 0;
      for (int i = 0; i < 8; ++i) chosen |= ((kFrom + i) % 3 == word) << i;
      return chosen;
    };
    constexpr int kS = lanes_of(1), kX = lanes_of(2);
    const __m256i two =
        _mm256_blend_epi32(_mm256_permutevar8x32_epi32(f, order), _mm256_permutevar8x32_epi32(s, order), kS);
    store256(to, _mm256_blend_epi32(two, _mm256_permutevar8x32_epi32(x, order), kX));
  }

  const std::byte* from_;
};

}  // namespace

GmtBlocks gmt_blocks_avx2(bool columns, bool payload) { return choose<HalfBlock>(columns, payload); }

}  // namespace strobe::scouting

#else

namespace strobe::scouting {
GmtBlocks gmt_blocks_avx2(bool, bool) { return nullptr; }
}  // namespace strobe::scouting

#endif
