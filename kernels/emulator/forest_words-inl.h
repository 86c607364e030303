// A sliced forest's words: ranks of the features, cuts, unions of cuts, choices. Included once for each instruction
// set.
#if defined(STROBE_EMULATOR_FOREST_WORDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_FOREST_WORDS_INL_H_
#undef STROBE_EMULATOR_FOREST_WORDS_INL_H_
#else
#define STROBE_EMULATOR_FOREST_WORDS_INL_H_
#endif

#include "kernels/emulator/forest_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {
using DWord = hn::CappedTag<uint64_t, 8>;
using VWord = hn::Vec<DWord>;

HWY_INLINE VWord load_word(const std::byte* place) {
  return hn::Load(DWord(), reinterpret_cast<const uint64_t*>(place));
}

HWY_INLINE void store_word(VWord v, std::byte* place) { hn::Store(v, DWord(), reinterpret_cast<uint64_t*>(place)); }

inline constexpr size_t kVectorBytes = hn::MaxLanes(DWord()) * sizeof(uint64_t);

/// out[j] = (rank > j), j < count, of the rank whose upper part has `above[j]` (there are `above_count`) and whose two
/// lowest bits are `bits`. Writes whole groups of four.
HWY_INLINE void refine(const std::byte* above, size_t above_count, const std::byte* bits, std::byte* out,
                       size_t count) {
  const DWord d;
  for (size_t v = 0; v < ForestSlices::kWordBytes; v += kVectorBytes) {
    const VWord high = load_word(bits + v), low = load_word(bits + ForestSlices::kWordBytes + v);
    const VWord any = hn::Or(high, low), both = hn::And(high, low);
    VWord before = hn::Not(hn::Zero(d));
    std::byte* to = out + v;
    for (size_t j = 0; j < count; j += 4) {
      const VWord now = j / 4 < above_count ? load_word(above + j / 4 * ForestSlices::kWordBytes + v) : hn::Zero(d);
      store_word(hn::OrAnd(now, before, any), to);
      store_word(hn::OrAnd(now, before, high), to + ForestSlices::kWordBytes);
      store_word(hn::OrAnd(now, before, both), to + 2 * ForestSlices::kWordBytes);
      store_word(now, to + 3 * ForestSlices::kWordBytes);
      before = now;
      to += 4 * ForestSlices::kWordBytes;
    }
  }
}

/// The words of a feature's cuts from the planes of its rank, two more bits at a time. `scratch` holds the stages.
HWY_NOINLINE void write_cuts(const ForestSlices::Feature& feature, const std::byte* planes, std::byte* scratch,
                             std::byte* out) {
  constexpr size_t kWord = ForestSlices::kWordBytes;
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

HWY_INLINE void run_feature(const ForestSlices& slices, const ForestSlices::Feature& feature, const std::byte* source,
                            std::byte* storage, std::byte* scratch, size_t events) {
  auto* positions = reinterpret_cast<uint8_t*>(scratch);
  std::byte* planes = scratch + 2 * ForestSlices::kEvents;
  if (feature.lane == Lane::k16) {
    search(reinterpret_cast<const int16_t*>(source), slices.search16.data() + feature.search, feature.bits, planes,
           positions, events);
  } else if (feature.lane == Lane::k32) {
    search(reinterpret_cast<const int32_t*>(source), slices.search32.data() + feature.search, feature.bits, planes,
           positions, events);
  } else {
    search(reinterpret_cast<const int64_t*>(source), slices.search64.data() + feature.search, feature.bits, planes,
           positions, events);
  }
  write_cuts(feature, planes, planes + feature.bits * ForestSlices::kWordBytes, storage + feature.first_word);
}

HWY_NOINLINE void run_union(const ForestSlices::Union& join, std::byte* storage) {
  for (size_t v = 0; v < ForestSlices::kWordBytes; v += kVectorBytes) {
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

HWY_NOINLINE void run_choices(const ForestSlices::Choice* choices, size_t count, std::byte* storage) {
  for (const ForestSlices::Choice* c = choices; c != choices + count; ++c) {
    for (size_t v = 0; v < ForestSlices::kWordBytes; v += kVectorBytes) {
      const VWord word = choose_bits(load_word(storage + c->chooser + v), load_word(storage + c->yes + v),
                                     load_word(storage + c->no + v));
      store_word(word, storage + c->target + v);
    }
  }
}

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
