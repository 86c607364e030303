// The ranks of a feature's values among its cuts, as planes of bits. Included once for each instruction set.
#if defined(STROBE_EMULATOR_FOREST_SEARCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_FOREST_SEARCH_INL_H_
#undef STROBE_EMULATOR_FOREST_SEARCH_INL_H_
#else
#define STROBE_EMULATOR_FOREST_SEARCH_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/emulator/forest_slices.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Bytes, one an event, that a step works on at once; divides 64.
using DByte = hn::CappedTag<uint8_t, 64>;
using VByte = hn::Vec<DByte>;

#if HWY_TARGET <= HWY_AVX2
/// Steps of the search that tables in registers serve.
inline constexpr int kMostVectorBits = 9;

/// Lanes of 16 or 32 bits with lookups in tables, page by page.
template <class T>
struct Search;
#endif

#if HWY_TARGET <= HWY_AVX3

template <>
struct Search<int16_t> {
  using Vec = __m512i;
  using Mask = __mmask32;
  static constexpr int kPage = 32;
  static Vec set(int value) { return _mm512_set1_epi16(static_cast<int16_t>(value)); }
  static Vec load(const int16_t* x) { return _mm512_loadu_si512(x); }
  static Vec page(const int16_t* table) { return _mm512_loadu_si512(table); }
  static Mask reaches(Vec x, Vec cut) { return _mm512_cmpge_epi16_mask(x, cut); }
  /// 2 at + 1 where `m`, else 2 at.
  static Vec descend(Vec at, Mask m) {
    const Vec twice = _mm512_add_epi16(at, at);
    return _mm512_mask_add_epi16(twice, m, twice, set(1));
  }
  static Mask has(Vec x, int bit) { return _mm512_test_epi16_mask(x, set(bit)); }
  static Vec one(Vec table, Vec at) { return _mm512_permutexvar_epi16(at, table); }
  static Vec two(Vec low, Vec at, Vec high) { return _mm512_permutex2var_epi16(low, at, high); }
  static Vec choose(Mask m, Vec no, Vec yes) { return _mm512_mask_blend_epi16(m, no, yes); }
  static void store(Mask m, std::byte* plane) { std::memcpy(plane, &m, sizeof(m)); }
};

template <>
struct Search<int32_t> {
  using Vec = __m512i;
  using Mask = __mmask16;
  static constexpr int kPage = 16;
  static Vec set(int value) { return _mm512_set1_epi32(value); }
  static Vec load(const int32_t* x) { return _mm512_loadu_si512(x); }
  static Vec page(const int32_t* table) { return _mm512_loadu_si512(table); }
  static Mask reaches(Vec x, Vec cut) { return _mm512_cmpge_epi32_mask(x, cut); }
  static Vec descend(Vec at, Mask m) {
    const Vec twice = _mm512_add_epi32(at, at);
    return _mm512_mask_add_epi32(twice, m, twice, set(1));
  }
  static Mask has(Vec x, int bit) { return _mm512_test_epi32_mask(x, set(bit)); }
  static Vec one(Vec table, Vec at) { return _mm512_permutexvar_epi32(at, table); }
  static Vec two(Vec low, Vec at, Vec high) { return _mm512_permutex2var_epi32(low, at, high); }
  static Vec choose(Mask m, Vec no, Vec yes) { return _mm512_mask_blend_epi32(m, no, yes); }
  static void store(Mask m, std::byte* plane) { std::memcpy(plane, &m, sizeof(m)); }
};

#elif HWY_TARGET == HWY_AVX2

/// Masks are vectors, of all ones where they hold.
template <>
struct Search<int16_t> {
  using Vec = __m256i;
  using Mask = __m256i;
  static constexpr int kPage = 8;
  static Vec set(int value) { return _mm256_set1_epi16(static_cast<int16_t>(value)); }
  static Vec load(const int16_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  static Vec page(const int16_t* table) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  }
  static Mask reaches(Vec x, Vec cut) { return _mm256_xor_si256(_mm256_cmpgt_epi16(cut, x), set(-1)); }
  static Vec descend(Vec at, Mask m) { return _mm256_sub_epi16(_mm256_add_epi16(at, at), m); }
  static Mask has(Vec x, int bit) { return _mm256_cmpeq_epi16(_mm256_and_si256(x, set(bit)), set(bit)); }
  static Vec one(Vec table, Vec at) {
    // The two bytes of entry i are 2i and 2i + 1.
    const Vec bytes = _mm256_mullo_epi16(_mm256_and_si256(at, set(kPage - 1)), set(0x0202));
    return _mm256_shuffle_epi8(table, _mm256_add_epi16(bytes, set(0x0100)));
  }
  static Vec two(Vec low, Vec at, Vec high) { return choose(has(at, kPage), one(low, at), one(high, at)); }
  static Vec choose(Mask m, Vec no, Vec yes) { return _mm256_blendv_epi8(no, yes, m); }
  static void store(Mask m, std::byte* plane) {
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    const auto bits = static_cast<uint16_t>(_mm_movemask_epi8(bytes));
    std::memcpy(plane, &bits, sizeof(bits));
  }
};

template <>
struct Search<int32_t> {
  using Vec = __m256i;
  using Mask = __m256i;
  static constexpr int kPage = 8;
  static Vec set(int value) { return _mm256_set1_epi32(value); }
  static Vec load(const int32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  static Vec page(const int32_t* table) { return load(table); }
  static Mask reaches(Vec x, Vec cut) { return _mm256_xor_si256(_mm256_cmpgt_epi32(cut, x), set(-1)); }
  static Vec descend(Vec at, Mask m) { return _mm256_sub_epi32(_mm256_add_epi32(at, at), m); }
  static Mask has(Vec x, int bit) { return _mm256_cmpeq_epi32(_mm256_and_si256(x, set(bit)), set(bit)); }
  static Vec one(Vec table, Vec at) { return _mm256_permutevar8x32_epi32(table, at); }
  static Vec two(Vec low, Vec at, Vec high) { return choose(has(at, kPage), one(low, at), one(high, at)); }
  static Vec choose(Mask m, Vec no, Vec yes) { return _mm256_blendv_epi8(no, yes, m); }
  static void store(Mask m, std::byte* plane) {
    const auto bits = static_cast<uint8_t>(_mm256_movemask_ps(_mm256_castsi256_ps(m)));
    std::memcpy(plane, &bits, sizeof(bits));
  }
};

#endif

#if HWY_TARGET <= HWY_AVX2

/// table[at] for tables of kPages pages; `at` may have further bits above.
template <class T, int kPages>
HWY_INLINE typename Search<T>::Vec table_at(const T* table, typename Search<T>::Vec at) {
  using S = Search<T>;
  if constexpr (kPages == 1) {
    return S::one(S::page(table), at);
  } else if constexpr (kPages == 2) {
    return S::two(S::page(table), at, S::page(table + S::kPage));
  } else {
    constexpr int kHalf = kPages / 2;
    const auto low = table_at<T, kHalf>(table, at);
    const auto high = table_at<T, kHalf>(table + kHalf * S::kPage, at);
    return S::choose(S::has(at, kHalf * S::kPage), low, high);
  }
}

template <class T, int kBits>
HWY_NOINLINE void search_vectors(const T* x, const T* heap, std::byte* planes, size_t events) {
  using S = Search<T>;
  constexpr size_t kLanes = sizeof(typename S::Vec) / sizeof(T);
  for (size_t e = 0; e < events; e += kLanes) {
    const auto value = S::load(x + e);
    auto at = S::set(1);
    [&]<int... L>(std::integer_sequence<int, L...>) HWY_ATTR {
      const auto level = [&](auto l) HWY_ATTR __attribute__((always_inline)) {
        constexpr int kLevel = l();
        constexpr int kEntries = 1 << kLevel;
        // The heap's first entries share a page.
        constexpr int kPages = kEntries < S::kPage ? 1 : kEntries / S::kPage;
        const T* table = heap + (kEntries < S::kPage ? 0 : kEntries);
        const auto mask = S::reaches(value, table_at<T, kPages>(table, at));
        at = S::descend(at, mask);
        S::store(mask, planes + kLevel * ForestSlices::kWordBytes + e / 8);
      };
      (level(std::integral_constant<int, L>()), ...);
    }
    (std::make_integer_sequence<int, kBits>());
  }
}

template <class T, int kBits = kMostVectorBits>
HWY_INLINE bool search_in_vectors(const T* x, const T* heap, int bits, std::byte* planes, size_t events) {
  if constexpr (kBits == 0) {
    return false;
  } else {
    if (bits != kBits) return search_in_vectors<T, kBits - 1>(x, heap, bits, planes, events);
    search_vectors<T, kBits>(x, heap, planes, events);
    return true;
  }
}

#endif

/// Binary search for any lane, event by event; `positions` holds two bytes an event.
template <class T>
HWY_NOINLINE void search_one_by_one(const T* x, const T* heap, int bits, std::byte* planes, uint8_t* positions,
                                    size_t events) {
  constexpr size_t kTogether = 16;
  for (size_t first = 0; first < events; first += kTogether) {
    uint32_t at[kTogether];
    for (uint32_t& a : at) a = 1;
    for (int level = 0; level < bits; ++level) {
      for (size_t i = 0; i < kTogether; ++i) at[i] = 2 * at[i] + (x[first + i] >= heap[at[i]] ? 1 : 0);
    }
    for (size_t i = 0; i < kTogether; ++i) {
      positions[first + i] = static_cast<uint8_t>(at[i]);
      positions[ForestSlices::kEvents + first + i] = static_cast<uint8_t>(at[i] >> 8);
    }
  }
  const DByte d;
  for (int b = 0; b < bits; ++b) {
    const uint8_t* bytes = positions + (b < 8 ? 0 : ForestSlices::kEvents);
    const VByte bit = hn::Set(d, static_cast<uint8_t>(1 << (b % 8)));
    auto* plane = reinterpret_cast<uint8_t*>(planes + (bits - 1 - b) * ForestSlices::kWordBytes);
    for (size_t e = 0; e < events; e += hn::Lanes(d)) {
      hn::StoreMaskBits(d, hn::TestBit(hn::LoadU(d, bytes + e), bit), plane + e / 8);
    }
  }
}

/// The bits of the rank, the highest first, a plane each.
template <class T>
HWY_INLINE void search(const T* x, const T* heap, int bits, std::byte* planes, uint8_t* positions, size_t events) {
#if HWY_TARGET <= HWY_AVX2
  if constexpr (sizeof(T) <= 4) {
    if (search_in_vectors<T>(x, heap, bits, planes, events)) return;
  }
#endif
  search_one_by_one<T>(x, heap, bits, planes, positions, events);
}

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
