// A sliced forest's sums: leaf numbers from their planes, values from tables, sums over trees. Included once for each
// instruction set.
#if defined(STROBE_EMULATOR_FOREST_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_FOREST_SUMS_INL_H_
#undef STROBE_EMULATOR_FOREST_SUMS_INL_H_
#else
#define STROBE_EMULATOR_FOREST_SUMS_INL_H_
#endif

#include "kernels/emulator/forest_words-inl.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {

using MByte = hn::Mask<DByte>;

/// Pages of a table are looked up at once by so many of the lowest bits; those above choose between pages.
#if HWY_TARGET <= HWY_AVX3_DL
inline constexpr int kPageBits = 7;
#else
inline constexpr int kPageBits = 4;
#endif

/// The planes of a leaf number, for the events from `event` on.
struct Planes {
  const ForestSlices::Word* words;
  const std::byte* storage;
  size_t event;

  HWY_INLINE MByte operator()(int bit) const {
    return hn::LoadMaskBits(DByte(), reinterpret_cast<const uint8_t*>(storage + words[bit] + event / 8));
  }
};

/// The lowest bits of the leaf numbers, kPageBits at most.
HWY_INLINE VByte numbers_of(const Planes& planes, int bits) {
  const DByte d;
  VByte number = hn::Zero(d);
  for (int b = 0; b < std::min(bits, kPageBits); ++b) {
    const VByte bit = hn::Set(d, static_cast<uint8_t>(1 << b));
#if HWY_TARGET <= HWY_AVX3
    number.raw = _mm512_mask_add_epi8(number.raw, planes(b).raw, number.raw, bit.raw);
#else
    number = hn::Or(number, hn::IfThenElseZero(planes(b), bit));
#endif
  }
  return number;
}

/// One page of a table that has 2^bits entries.
HWY_INLINE VByte look_up_page(const uint8_t* page, VByte number, bool wide) {
#if HWY_TARGET <= HWY_AVX3_DL
  const __m512i low = _mm512_loadu_si512(page);
  if (!wide) return VByte{_mm512_permutexvar_epi8(number.raw, low)};
  return VByte{_mm512_permutex2var_epi8(low, number.raw, _mm512_loadu_si512(page + 64))};
#else
  (void)wide;
  return hn::TableLookupBytes(hn::LoadDup128(DByte(), page), number);
#endif
}

/// Entries of a table of kPages pages, chosen by the planes above a page's.
template <int kPages>
HWY_INLINE VByte look_up(const uint8_t* table, VByte number, const Planes& planes, bool wide) {
  if constexpr (kPages == 1) {
    return look_up_page(table, number, wide);
  } else {
    constexpr int kHalf = kPages / 2;
    constexpr int kBit = kPageBits + std::bit_width(static_cast<unsigned>(kHalf)) - 1;
    const VByte low = look_up<kHalf>(table, number, planes, wide);
    const VByte high = look_up<kHalf>(table + (kHalf << kPageBits), number, planes, wide);
    return hn::IfThenElse(planes(kBit), high, low);
  }
}

/// Sums of 16 bits: bytes interleaved, so `first` has the lower half of each block of 16 events.
struct Sums {
  hn::Vec<hn::Repartition<uint16_t, DByte>> first, second;
};

template <int kPages>
HWY_INLINE void add_values(const ForestSlices& slices, const ForestSlices::Lookup& lookup, const Planes& planes,
                           Sums& sums) {
  const DByte d;
  const hn::Repartition<uint16_t, DByte> d16;
  const bool wide = lookup.bits > 6;
  const VByte number = numbers_of(planes, lookup.bits);
  const VByte low = look_up<kPages>(slices.tables.data() + lookup.low, number, planes, wide);
  const VByte high =
      lookup.has_high ? look_up<kPages>(slices.tables.data() + lookup.high, number, planes, wide) : hn::Zero(d);
  sums.first = hn::Add(sums.first, hn::BitCast(d16, hn::InterleaveLower(d, low, high)));
  sums.second = hn::Add(sums.second, hn::BitCast(d16, hn::InterleaveUpper(d, low, high)));
}

/// By the pages that the lookup's table has.
template <int kPages = 1>
HWY_INLINE void add_lookup(const ForestSlices& slices, const ForestSlices::Lookup& lookup, const Planes& planes,
                           Sums& sums) {
  constexpr int kMostPages = 1 << (ForestSlices::kMostBits - kPageBits);
  if constexpr (kPages < kMostPages) {
    if (lookup.bits > kPageBits + static_cast<int>(std::bit_width(static_cast<unsigned>(kPages))) - 1) {
      return add_lookup<2 * kPages>(slices, lookup, planes, sums);
    }
  }
  add_values<kPages>(slices, lookup, planes, sums);
}

/// target[e] += sum << shift, modulo the lane.
template <class T>
HWY_INLINE void add_to(T* HWY_RESTRICT target, const uint16_t* HWY_RESTRICT sums, int shift, size_t count) {
  if (shift >= static_cast<int>(8 * sizeof(T))) return;
  for (size_t i = 0; i < count; ++i) {
    target[i] = static_cast<T>(target[i] + static_cast<T>(static_cast<T>(sums[i]) << shift));
  }
}

HWY_INLINE void store_sums(const Sums& sums, const Slot& target, int shift, std::byte* arena, size_t event) {
  const hn::Repartition<uint16_t, DByte> d16;
  constexpr size_t kEvents = hn::MaxLanes(DByte());
  HWY_ALIGN uint16_t halves[2][kEvents / 2];
  HWY_ALIGN uint16_t ordered[kEvents];
  hn::Store(sums.first, d16, halves[0]);
  hn::Store(sums.second, d16, halves[1]);
  for (size_t i = 0; i < kEvents; i += 16) {
    std::memcpy(ordered + i, halves[0] + i / 2, 16);
    std::memcpy(ordered + i + 8, halves[1] + i / 2, 16);
  }
  std::byte* place = arena + target.offset + event * lane_bytes(target.lane);
  if (target.lane == Lane::k16) return add_to(reinterpret_cast<uint16_t*>(place), ordered, shift, kEvents);
  if (target.lane == Lane::k32) return add_to(reinterpret_cast<uint32_t*>(place), ordered, shift, kEvents);
  add_to(reinterpret_cast<uint64_t*>(place), ordered, shift, kEvents);
}

HWY_NOINLINE void run_sums(const ForestSlices& slices, const ForestSlices::Segment& segment, const Slot& target,
                           std::byte* arena, const std::byte* storage, size_t events) {
  const hn::Repartition<uint16_t, DByte> d16;
  for (size_t e = 0; e < events; e += hn::Lanes(DByte())) {
    Sums sums = {hn::Zero(d16), hn::Zero(d16)};
    for (uint32_t l = 0; l < segment.lookups; ++l) {
      const ForestSlices::Lookup& lookup = slices.lookups[segment.first_lookup + l];
      add_lookup(slices, lookup, {slices.planes.data() + lookup.first_plane, storage, e}, sums);
    }
    store_sums(sums, target, segment.shift, arena, e);
  }
}

template <class T>
HWY_INLINE void fill(std::byte* place, int64_t value, size_t events) {
  auto* target = reinterpret_cast<T*>(place);
  for (size_t e = 0; e < events; ++e) target[e] = static_cast<T>(value);
}

HWY_INLINE void set_base(int64_t base, const Slot& target, std::byte* arena, size_t events) {
  if (target.lane == Lane::k16) return fill<uint16_t>(arena + target.offset, base, events);
  if (target.lane == Lane::k32) return fill<uint32_t>(arena + target.offset, base, events);
  fill<uint64_t>(arena + target.offset, base, events);
}

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
