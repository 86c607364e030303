// Between rows in memory and slots: transposition of 32-bit words, packing and unpacking. Included once for each
// instruction set.
#if defined(STROBE_EMULATOR_WORDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_WORDS_INL_H_
#undef STROBE_EMULATOR_WORDS_INL_H_
#else
#define STROBE_EMULATOR_WORDS_INL_H_
#endif

#include "kernels/emulator/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {

using D32 = Tag<int32_t>;
using V32 = Vector<int32_t>;

/// The 16-byte pieces at `place`, one a block of the vector, `stride` bytes apart.
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const std::byte* place, size_t stride) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  if constexpr (kLanes <= 4) {
    return hn::LoadU(d, reinterpret_cast<const int32_t*>(place));
  } else {
    const hn::Half<D> half;
    const size_t blocks = kLanes / 8;
    return hn::Combine(d, load_blocks(half, place + blocks * stride, stride), load_blocks(half, place, stride));
  }
}

template <class D>
HWY_INLINE void store_blocks(D d, hn::Vec<D> v, std::byte* place, size_t stride) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  if constexpr (kLanes <= 4) {
    hn::StoreU(v, d, reinterpret_cast<int32_t*>(place));
  } else {
    const hn::Half<D> half;
    store_blocks(half, hn::LowerHalf(half, v), place, stride);
    store_blocks(half, hn::UpperHalf(half, v), place + kLanes / 8 * stride, stride);
  }
}

/// Four by four words within each block of 16 bytes; its own inverse.
HWY_INLINE void transpose(V32 (&r)[4]) {
  const D32 d;
  const hn::Repartition<int64_t, D32> d64;
  const auto wide = [&](V32 v) HWY_ATTR { return hn::BitCast(d64, v); };
  const auto a = wide(hn::InterleaveLower(d, r[0], r[1]));
  const auto b = wide(hn::InterleaveLower(d, r[2], r[3]));
  const auto c = wide(hn::InterleaveUpper(d, r[0], r[1]));
  const auto e = wide(hn::InterleaveUpper(d, r[2], r[3]));
  r[0] = hn::BitCast(d, hn::InterleaveLower(d64, a, b));
  r[1] = hn::BitCast(d, hn::InterleaveUpper(d64, a, b));
  r[2] = hn::BitCast(d, hn::InterleaveLower(d64, c, e));
  r[3] = hn::BitCast(d, hn::InterleaveUpper(d64, c, e));
}

/// Spreads rows over the slots of their words, whole groups of kRowGroup events at a time.
HWY_NOINLINE void load_rows(const RowLayout& layout, const std::byte* rows, std::byte* arena, size_t events) {
  const D32 d;
  const size_t n = hn::Lanes(d);
  const size_t stride = layout.row_bytes;
  for (size_t first = 0; first < layout.words.size(); first += 4) {
    const size_t words = std::min<size_t>(4, layout.words.size() - first);
    const uint32_t* slots = layout.words.data() + first;
    if (std::all_of(slots, slots + words, [](uint32_t slot) { return slot == kUnusedWord; })) continue;
    for (size_t e = 0; e < events; e += n) {
      const std::byte* place = rows + e * stride + 4 * first;
      V32 r[4];
      for (size_t i = 0; i < 4; ++i) r[i] = load_blocks(d, place + i * stride, 4 * stride);
      transpose(r);
      for (size_t w = 0; w < words; ++w) {
        if (slots[w] != kUnusedWord) hn::StoreU(r[w], d, reinterpret_cast<int32_t*>(arena + slots[w]) + e);
      }
    }
  }
}

/// Gathers rows from the slots of their words. Pieces of 16 bytes may reach into the next row: the last piece of each
/// row goes first, and rows go upwards, so that what it spoils is written afterwards.
HWY_NOINLINE void store_rows(const RowLayout& layout, const std::byte* arena, std::byte* rows, size_t events) {
  const D32 d;
  const size_t n = hn::Lanes(d);
  const size_t stride = layout.row_bytes;
  const size_t pieces = (layout.words.size() + 3) / 4;
  for (size_t p = pieces; p-- > 0;) {
    const size_t words = std::min<size_t>(4, layout.words.size() - 4 * p);
    const uint32_t* slots = layout.words.data() + 4 * p;
    for (size_t e = 0; e < events; e += n) {
      V32 r[4];
      for (size_t w = 0; w < 4; ++w) {
        r[w] = hn::LoadU(d, reinterpret_cast<const int32_t*>(arena + slots[std::min(w, words - 1)]) + e);
      }
      transpose(r);
      std::byte* place = rows + e * stride + 16 * p;
      if (stride >= 16) {
        for (size_t i = 0; i < 4; ++i) store_blocks(d, r[i], place + i * stride, 4 * stride);
        continue;
      }
      // Rows shorter than a piece spoil several: strictly upwards.
      HWY_ALIGN int32_t pieces_of[4][hn::MaxLanes(D32())];
      for (size_t i = 0; i < 4; ++i) hn::Store(r[i], d, pieces_of[i]);
      for (size_t i = 0; i < n; ++i) std::memcpy(place + i * stride, &pieces_of[i % 4][i / 4 * 4], 16);
    }
  }
}

HWY_NOINLINE void run_unpack(const UnpackStep& step, std::byte* arena, size_t events) {
  const auto* words = reinterpret_cast<const int32_t*>(arena + step.source);
  if (step.wide || step.target.lane > Lane::k32) {
    const auto* high = reinterpret_cast<const int32_t*>(arena + step.source_high);
    const int unused = 64 - step.width;
    for (size_t e = 0; e < events && step.width > 0; ++e) {
      const uint64_t upper = step.wide ? static_cast<uint64_t>(static_cast<uint32_t>(high[e])) << 32 : 0;
      const uint64_t bits = ((upper | static_cast<uint32_t>(words[e])) >> step.bit) << unused;
      const int64_t value =
          step.is_signed ? static_cast<int64_t>(bits) >> unused : static_cast<int64_t>(bits >> unused);
      std::memcpy(arena + step.target.offset + e * lane_bytes(step.target.lane), &value, lane_bytes(step.target.lane));
    }
    return;
  }
  const D32 d;
  const hn::RebindToUnsigned<D32> du;
  const int left = 32 - step.bit - step.width;
  const int right = 32 - step.width;
  over_events<int32_t, 4>(events, [&](auto vectors, size_t event) HWY_ATTR {
    V32 field[vectors()];
    const size_t n = hn::Lanes(d);
    each<vectors()>([&](auto v) STROBE_INLINE_LAMBDA {
      const auto shifted = hn::ShiftLeftSame(hn::LoadU(d, words + event + v * n), left);
      field[v] = step.is_signed ? hn::ShiftRightSame(shifted, right)
                                : hn::BitCast(d, hn::ShiftRightSame(hn::BitCast(du, shifted), right));
    });
    store_vectors<int32_t>(field, step.target, arena, event);
  });
}

inline int64_t load_scalar(const Slot& slot, const std::byte* arena, size_t event) {
  int64_t value = 0;
  const int bytes = std::min(lane_bytes(slot.lane), 8);
  std::memcpy(&value, arena + slot.offset + event * lane_bytes(slot.lane), bytes);
  const int unused = 64 - 8 * bytes;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << unused) >> unused;
}

inline void pack_scalar(const PackStep& step, std::byte* arena, size_t events) {
  const int bits = 32 / step.parts;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  for (size_t e = 0; e < events; ++e) {
    uint64_t word = 0;
    for (int p = 0; p < step.parts; ++p) {
      if (!step.present[p]) continue;
      auto value = static_cast<uint64_t>(load_scalar(step.source[p], arena, e)) << step.left[p];
      if (step.high_half) value >>= 32;
      if ((step.flip >> p) & 1) value ^= 0x80;
      word |= (value & mask) << (p * bits);
    }
    std::memcpy(arena + step.target + 4 * e, &word, 4);
  }
}

/// All parts are there, in lanes of 16 bits, and need no shift.
inline bool is_plain(const PackStep& step) {
  for (int p = 0; p < step.parts; ++p) {
    if (!step.present[p] || step.source[p].lane != Lane::k16 || step.left[p] != 0) return false;
  }
  return true;
}

template <int kPart>
HWY_INLINE Vector<int16_t> load_part(const PackStep& step, const std::byte* arena, size_t event) {
  return hn::LoadU(Tag<int16_t>(), reinterpret_cast<const int16_t*>(arena + step.source[kPart].offset) + event);
}

/// Stores low and high halves of words side by side.
HWY_INLINE void store_halves(Vector<int16_t> low, Vector<int16_t> high, int32_t* words) {
  const Tag<int16_t> d;
  const hn::Half<Tag<int16_t>> half;
  const hn::RebindToUnsigned<hn::Half<Tag<int16_t>>> half_unsigned;
  const hn::RebindToUnsigned<D32> du;
  const auto word = [&](auto l, auto h) STROBE_INLINE_LAMBDA {
    const auto wide = [&](auto v) STROBE_INLINE_LAMBDA { return hn::PromoteTo(du, hn::BitCast(half_unsigned, v)); };
    return hn::BitCast(D32(), hn::Or(wide(l), hn::ShiftLeft<16>(wide(h))));
  };
  hn::StoreU(word(hn::LowerHalf(half, low), hn::LowerHalf(half, high)), D32(), words);
  hn::StoreU(word(hn::UpperHalf(half, low), hn::UpperHalf(half, high)), D32(), words + hn::Lanes(d) / 2);
}

HWY_NOINLINE void pack_pairs(const PackStep& step, std::byte* arena, size_t events) {
  auto* words = reinterpret_cast<int32_t*>(arena + step.target);
  for (size_t e = 0; e < events; e += hn::Lanes(Tag<int16_t>())) {
    store_halves(load_part<0>(step, arena, e), load_part<1>(step, arena, e), words + e);
  }
}

HWY_NOINLINE void pack_bytes(const PackStep& step, std::byte* arena, size_t events) {
  const Tag<int16_t> d;
  auto* words = reinterpret_cast<int32_t*>(arena + step.target);
  const auto flips = [&](int low, int high) {
    return hn::Set(d, static_cast<int16_t>(((step.flip >> low) & 1) * 0x80 | ((step.flip >> high) & 1) * 0x8000));
  };
  const auto flip_low = flips(0, 1);
  const auto flip_high = flips(2, 3);
  const auto byte = hn::Set(d, int16_t{0xff});
  for (size_t e = 0; e < events; e += hn::Lanes(d)) {
    const auto low =
        hn::Or(hn::And(load_part<0>(step, arena, e), byte), hn::ShiftLeft<8>(load_part<1>(step, arena, e)));
    const auto high =
        hn::Or(hn::And(load_part<2>(step, arena, e), byte), hn::ShiftLeft<8>(load_part<3>(step, arena, e)));
    store_halves(hn::Xor(low, flip_low), hn::Xor(high, flip_high), words + e);
  }
}

HWY_NOINLINE void run_pack(const PackStep& step, std::byte* arena, size_t events) {
  if (step.high_half) return pack_scalar(step, arena, events);
  for (int p = 0; p < 4; ++p) {
    if (step.present[p] && (step.source[p].lane > Lane::k32 || step.left[p] > 31))
      return pack_scalar(step, arena, events);
  }
  if (step.parts == 4 && is_plain(step)) return pack_bytes(step, arena, events);
  if (step.parts == 2 && is_plain(step)) return pack_pairs(step, arena, events);
  const D32 d;
  const hn::RebindToUnsigned<D32> du;
  const int bits = 32 / step.parts;
  auto* words = reinterpret_cast<int32_t*>(arena + step.target);
  for (size_t e = 0; e < events; e += hn::Lanes(d)) {
    auto word = hn::Zero(du);
    for (int p = 0; p < step.parts; ++p) {
      if (!step.present[p]) continue;
      const Slot& slot = step.source[p];
      const std::byte* place = arena + slot.offset + e * lane_bytes(slot.lane);
      const V32 value = slot.lane == Lane::k16 ? load_as<int32_t>(reinterpret_cast<const int16_t*>(place))
                                               : hn::LoadU(d, reinterpret_cast<const int32_t*>(place));
      auto part = hn::ShiftLeftSame(hn::BitCast(du, value), step.left[p] + 32 - bits);
      if ((step.flip >> p) & 1) part = hn::Xor(part, hn::Set(du, 0x80u << 24));
      word = hn::Or(word, hn::ShiftRightSame(part, 32 - bits - p * bits));
    }
    hn::StoreU(hn::BitCast(d, word), d, words + e);
  }
}

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
