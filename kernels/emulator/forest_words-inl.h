// A sliced forest's words: ranks of the features, cuts, unions of cuts, choices. Included once for each instruction
// set.
#if defined(STROBE_EMULATOR_FOREST_WORDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_FOREST_WORDS_INL_H_
#undef STROBE_EMULATOR_FOREST_WORDS_INL_H_
#else
#define STROBE_EMULATOR_FOREST_WORDS_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/emulator/forest_plan.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DWord = hn::CappedTag<uint64_t, 8>;
using VWord = hn::Vec<DWord>;
/// Bytes, one an event, that a step works on at once; divides 64.
using DByte = hn::CappedTag<uint8_t, 64>;
using VByte = hn::Vec<DByte>;

HWY_INLINE VWord load_word(const std::byte* place) {
  return hn::Load(DWord(), reinterpret_cast<const uint64_t*>(place));
}

HWY_INLINE void store_word(VWord v, std::byte* place) { hn::Store(v, DWord(), reinterpret_cast<uint64_t*>(place)); }

inline constexpr size_t kVectorBytes = hn::MaxLanes(DWord()) * sizeof(uint64_t);

#if HWY_TARGET <= HWY_AVX3
/// Steps of the search that tables in registers serve.
inline constexpr int kMostVectorBits = 9;

/// Lanes of 16 or 32 bits with their table lookups.
template <class T>
struct Search;

template <>
struct Search<int16_t> {
  using Mask = __mmask32;
  static __m512i set(int value) { return _mm512_set1_epi16(static_cast<int16_t>(value)); }
  static __m512i add(__m512i a, __m512i b) { return _mm512_add_epi16(a, b); }
  static __m512i add(__m512i a, Mask m, __m512i b) { return _mm512_mask_add_epi16(a, m, a, b); }
  static Mask reaches(__m512i x, __m512i cut) { return _mm512_cmpge_epi16_mask(x, cut); }
  static Mask has(__m512i x, __m512i bit) { return _mm512_test_epi16_mask(x, bit); }
  static __m512i one(__m512i table, __m512i at) { return _mm512_permutexvar_epi16(at, table); }
  static __m512i two(__m512i low, __m512i at, __m512i high) { return _mm512_permutex2var_epi16(low, at, high); }
  static __m512i choose(Mask m, __m512i no, __m512i yes) { return _mm512_mask_blend_epi16(m, no, yes); }
};

template <>
struct Search<int32_t> {
  using Mask = __mmask16;
  static __m512i set(int value) { return _mm512_set1_epi32(value); }
  static __m512i add(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
  static __m512i add(__m512i a, Mask m, __m512i b) { return _mm512_mask_add_epi32(a, m, a, b); }
  static Mask reaches(__m512i x, __m512i cut) { return _mm512_cmpge_epi32_mask(x, cut); }
  static Mask has(__m512i x, __m512i bit) { return _mm512_test_epi32_mask(x, bit); }
  static __m512i one(__m512i table, __m512i at) { return _mm512_permutexvar_epi32(at, table); }
  static __m512i two(__m512i low, __m512i at, __m512i high) { return _mm512_permutex2var_epi32(low, at, high); }
  static __m512i choose(Mask m, __m512i no, __m512i yes) { return _mm512_mask_blend_epi32(m, no, yes); }
};

/// table[at] for tables of kVectors vectors; `at` may have further bits above.
template <class T, int kVectors>
HWY_INLINE __m512i table_at(const T* table, __m512i at) {
  constexpr int kLanes = 64 / sizeof(T);
  if constexpr (kVectors == 1) {
    return Search<T>::one(_mm512_loadu_si512(table), at);
  } else if constexpr (kVectors == 2) {
    return Search<T>::two(_mm512_loadu_si512(table), at, _mm512_loadu_si512(table + kLanes));
  } else {
    constexpr int kHalf = kVectors / 2;
    const __m512i low = table_at<T, kHalf>(table, at);
    const __m512i high = table_at<T, kHalf>(table + kHalf * kLanes, at);
    return Search<T>::choose(Search<T>::has(at, Search<T>::set(kHalf * kLanes)), low, high);
  }
}

template <class T, int kBits>
HWY_NOINLINE void search_vectors(const T* x, const T* heap, std::byte* planes, size_t events) {
  using S = Search<T>;
  constexpr size_t kLanes = 64 / sizeof(T);
  for (size_t e = 0; e < events; e += kLanes) {
    const __m512i value = _mm512_loadu_si512(x + e);
    __m512i at = S::set(1);
    [&]<int... L>(std::integer_sequence<int, L...>) HWY_ATTR {
      const auto level = [&](auto l) HWY_ATTR __attribute__((always_inline)) {
        constexpr int kLevel = l();
        constexpr int kEntries = 1 << kLevel;
        // The heap's first entries share a vector.
        constexpr int kVectors = kEntries < static_cast<int>(kLanes) ? 1 : kEntries / static_cast<int>(kLanes);
        const T* table = heap + (kEntries < static_cast<int>(kLanes) ? 0 : kEntries);
        const typename S::Mask mask = S::reaches(value, table_at<T, kVectors>(table, at));
        at = S::add(S::add(at, at), mask, S::set(1));
        std::memcpy(planes + kLevel * ForestPlan::kWordBytes + e / 8, &mask, sizeof(mask));
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
      positions[ForestPlan::kEvents + first + i] = static_cast<uint8_t>(at[i] >> 8);
    }
  }
  const DByte d;
  for (int b = 0; b < bits; ++b) {
    const uint8_t* bytes = positions + (b < 8 ? 0 : ForestPlan::kEvents);
    const VByte bit = hn::Set(d, static_cast<uint8_t>(1 << (b % 8)));
    auto* plane = reinterpret_cast<uint8_t*>(planes + (bits - 1 - b) * ForestPlan::kWordBytes);
    for (size_t e = 0; e < events; e += hn::Lanes(d)) {
      hn::StoreMaskBits(d, hn::TestBit(hn::LoadU(d, bytes + e), bit), plane + e / 8);
    }
  }
}

/// The bits of the rank, the highest first, a plane each.
template <class T>
HWY_INLINE void search(const T* x, const T* heap, int bits, std::byte* planes, uint8_t* positions, size_t events) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(T) <= 4) {
    if (search_in_vectors<T>(x, heap, bits, planes, events)) return;
  }
#endif
  search_one_by_one<T>(x, heap, bits, planes, positions, events);
}

/// out[j] = (rank > j), j < count, of the rank whose upper part has `above[j]` (there are `above_count`) and whose two
/// lowest bits are `bits`. Writes whole groups of four.
HWY_INLINE void refine(const std::byte* above, size_t above_count, const std::byte* bits, std::byte* out,
                       size_t count) {
  const DWord d;
  for (size_t v = 0; v < ForestPlan::kWordBytes; v += kVectorBytes) {
    const VWord high = load_word(bits + v), low = load_word(bits + ForestPlan::kWordBytes + v);
    const VWord any = hn::Or(high, low), both = hn::And(high, low);
    VWord before = hn::Not(hn::Zero(d));
    std::byte* to = out + v;
    for (size_t j = 0; j < count; j += 4) {
      const VWord now = j / 4 < above_count ? load_word(above + j / 4 * ForestPlan::kWordBytes + v) : hn::Zero(d);
      store_word(hn::OrAnd(now, before, any), to);
      store_word(hn::OrAnd(now, before, high), to + ForestPlan::kWordBytes);
      store_word(hn::OrAnd(now, before, both), to + 2 * ForestPlan::kWordBytes);
      store_word(now, to + 3 * ForestPlan::kWordBytes);
      before = now;
      to += 4 * ForestPlan::kWordBytes;
    }
  }
}

/// The words of a feature's cuts from the planes of its rank, two more bits at a time. `scratch` holds the stages.
HWY_NOINLINE void write_cuts(const ForestPlan::Feature& feature, const std::byte* planes, std::byte* scratch,
                             std::byte* out) {
  constexpr size_t kWord = ForestPlan::kWordBytes;
  const std::byte* above = planes;
  size_t above_count = feature.bits % 2;  // an odd first bit is its own word
  for (int left = feature.bits / 2; left > 0; --left) {
    const std::byte* bits = planes + (feature.bits - 2 * left) * kWord;
    const size_t stage = (feature.cuts - 1) >> (2 * (left - 1));  // the last index that is needed
    std::byte* target = left == 1 ? out : scratch;
    refine(above, above_count, bits, target, stage + 1);
    above = target;
    above_count = std::min<size_t>(stage + 1, (size_t{1} << (feature.bits - 2 * (left - 1))) - 1);
    scratch += (stage + 4) / 4 * 4 * kWord;
  }
  if (feature.bits == 1) std::memcpy(out, planes, kWord);
}

HWY_INLINE void run_feature(const ForestPlan& plan, const ForestPlan::Feature& feature, const std::byte* source,
                            std::byte* storage, std::byte* scratch, size_t events) {
  auto* positions = reinterpret_cast<uint8_t*>(scratch);
  std::byte* planes = scratch + 2 * ForestPlan::kEvents;
  if (feature.lane == Lane::k16) {
    search(reinterpret_cast<const int16_t*>(source), plan.search16.data() + feature.search, feature.bits, planes,
           positions, events);
  } else if (feature.lane == Lane::k32) {
    search(reinterpret_cast<const int32_t*>(source), plan.search32.data() + feature.search, feature.bits, planes,
           positions, events);
  } else {
    search(reinterpret_cast<const int64_t*>(source), plan.search64.data() + feature.search, feature.bits, planes,
           positions, events);
  }
  write_cuts(feature, planes, planes + feature.bits * ForestPlan::kWordBytes, storage + feature.first_word);
}

HWY_NOINLINE void run_union(const ForestPlan::Union& join, std::byte* storage) {
  for (size_t v = 0; v < ForestPlan::kWordBytes; v += kVectorBytes) {
    VWord word = load_word(storage + join.cuts[0] + v);
    for (size_t c = 1; c < join.cuts.size(); ++c) word = hn::Xor(word, load_word(storage + join.cuts[c] + v));
    store_word(word, storage + join.target + v);
  }
}

/// Bit by bit; Highway's own function asks for whole lanes before AVX-512.
HWY_INLINE VWord choose_bits(VWord chooser, VWord yes, VWord no) {
#if HWY_TARGET <= HWY_AVX3
  return hn::IfVecThenElse(chooser, yes, no);
#else
  return hn::Or(hn::And(chooser, yes), hn::AndNot(chooser, no));
#endif
}

HWY_NOINLINE void run_choices(const ForestPlan::Choice* choices, size_t count, std::byte* storage) {
  for (const ForestPlan::Choice* c = choices; c != choices + count; ++c) {
    for (size_t v = 0; v < ForestPlan::kWordBytes; v += kVectorBytes) {
      const VWord word = choose_bits(load_word(storage + c->chooser + v), load_word(storage + c->yes + v),
                                     load_word(storage + c->no + v));
      store_word(word, storage + c->target + v);
    }
  }
}

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
