#include "host/scouting/formats/event_scan-inl.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)

#include <immintrin.h>

namespace strobe::scouting {
namespace {

class WideStep {
 public:
  explicit WideStep(const std::byte* from)
      : low_(_mm512_loadu_si512(from)),
        high_(_mm512_loadu_si512(from + 64)),
        low_headers_(_mm512_movepi64_mask(low_)),
        high_headers_(_mm512_movepi64_mask(high_)) {}

  uint32_t headers() const { return static_cast<uint32_t>(low_headers_) | static_cast<uint32_t>(high_headers_) << 8; }
  bool agree(uint64_t header) const {
    const __m512i same = _mm512_set1_epi64(static_cast<int64_t>(kSameInOrbit));
    const __m512i expected = _mm512_set1_epi64(static_cast<int64_t>(header));
    const __mmask8 low = _mm512_mask_test_epi64_mask(low_headers_, _mm512_xor_si512(low_, expected), same);
    const __mmask8 high = _mm512_mask_test_epi64_mask(high_headers_, _mm512_xor_si512(high_, expected), same);
    return (low | high) == 0;
  }
  uint64_t* objects(uint64_t* to) const {
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi64(static_cast<__mmask8>(~low_headers_), low_));
    to += 8 - __builtin_popcount(low_headers_);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi64(static_cast<__mmask8>(~high_headers_), high_));
    return to + 8 - __builtin_popcount(high_headers_);
  }
  void places(uint32_t first, uint32_t* to) const {
    const __m512i each = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first)),
                                          _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(static_cast<__mmask16>(headers()), each));
  }

 private:
  __m512i low_, high_;
  __mmask8 low_headers_, high_headers_;
};

}  // namespace

ScanEvents scan_events_avx512() { return scan_events<WideStep>; }

}  // namespace strobe::scouting

#else

namespace strobe::scouting {
ScanEvents scan_events_avx512() { return nullptr; }
}  // namespace strobe::scouting

#endif
