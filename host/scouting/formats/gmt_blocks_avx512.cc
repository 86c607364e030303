#include "host/scouting/formats/gmt_blocks-inl.h"

#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__)

#include <immintrin.h>

namespace strobe::scouting {
namespace {

/// Muons of 16 lanes in registers of 512 bit: first muons of eight links, then second ones.
class WideBlock {
 public:
  explicit WideBlock(const std::byte* from) : from_(from), heads_(_mm512_loadu_si512(from)), f_(both(64, 128)) {}

  bool agrees(uint32_t number) const {
    const __m512i masks = _mm512_inserti64x4(_mm512_set1_epi32(static_cast<int>(kOrbitMask)),
                                             _mm256_set1_epi32(static_cast<int>(kCrossingMask)), 1);
    uint32_t crossing;
    std::memcpy(&crossing, from_ + 32, 4);
    const __m512i expected =
        _mm512_mask_set1_epi32(_mm512_set1_epi32(static_cast<int>(number)), 0xFF00, static_cast<int>(crossing));
    return _mm512_test_epi32_mask(_mm512_xor_si512(heads_, expected), masks) == 0;
  }
  uint32_t crossing() const {
    uint32_t crossing;
    std::memcpy(&crossing, from_ + 32, 4);
    return crossing & kCrossingMask;
  }
  uint32_t mask() const { return _mm512_test_epi32_mask(f_, _mm512_set1_epi32(static_cast<int>(kPtMask))); }
  void columns(uint32_t present, uint32_t* f, uint32_t* s, uint32_t* extra) const {
    const __mmask16 lanes = static_cast<__mmask16>(present);
    const __m512i f_words = _mm512_maskz_compress_epi32(lanes, f_);
    const __m512i s_words = _mm512_maskz_compress_epi32(lanes, both(96, 160));
    const __m512i extras = _mm512_maskz_compress_epi32(lanes, extra_words());
    // Whole registers would nearly always be stored across a cache line's end.
    store_low(f, f_words);
    store_low(s, s_words);
    store_low(extra, extras);
    if (__builtin_popcount(present) > 4) [[unlikely]] {
      _mm512_storeu_si512(f, f_words);
      _mm512_storeu_si512(s, s_words);
      _mm512_storeu_si512(extra, extras);
    }
  }
  void payload(uint32_t present, std::byte* to) const {
    const __mmask16 lanes = static_cast<__mmask16>(present);
    const __m512i f = _mm512_maskz_compress_epi32(lanes, f_);
    const __m512i s = _mm512_maskz_compress_epi32(lanes, both(96, 160));
    const __m512i x = _mm512_maskz_compress_epi32(lanes, extra_words());
    interleave<0>(f, s, x, to);
    if (__builtin_popcount(present) > 5) [[unlikely]] {  // the first register holds five muons and a third
      interleave<16>(f, s, x, to + 64);
      interleave<32>(f, s, x, to + 128);
    }
  }

 private:
  static void store_low(uint32_t* to, __m512i words) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_castsi512_si128(words));
  }
  __m512i both(size_t first, size_t second) const {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from_ + first));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from_ + second));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  __m512i extra_words() const {
    const __m512i crossings = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from_ + 32)));
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i selector = _mm512_maskz_mov_epi32(0xFF00, one);
    return _mm512_or_si512(_mm512_andnot_si512(one, crossings), selector);
  }
  /// Words kFrom to kFrom + 15 of f0 s0 x0 f1 s1 x1 ...
  template <int kFrom>
  static void interleave(__m512i f, __m512i s, __m512i x, std::byte* to) {
    alignas(64) static constexpr struct Places {
      int two[16];    // into f and s
      int three[16];  // into those two and x
      constexpr Places() : two{}, three{} {
        for (int i = 0; i < 16; ++i) {
          const int word = kFrom + i;
          two[i] = word % 3 == 0 ? word / 3 : 16 + word / 3;
          three[i] = word % 3 == 2 ? 16 + word / 3 : i;
        }
      }
    } kPlaces;
    const __m512i two = _mm512_permutex2var_epi32(f, _mm512_load_si512(kPlaces.two), s);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi32(two, _mm512_load_si512(kPlaces.three), x));
  }

  const std::byte* from_;
  __m512i heads_, f_;
};

}  // namespace

GmtBlocks gmt_blocks_avx512(bool columns, bool payload) { return choose<WideBlock>(columns, payload); }

}  // namespace strobe::scouting

#else

namespace strobe::scouting {
GmtBlocks gmt_blocks_avx512(bool, bool) { return nullptr; }
}  // namespace strobe::scouting

#endif
