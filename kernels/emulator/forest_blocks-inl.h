// A forest's blocks of splits, event by event. Included once for each instruction set; AVX-512 only.
#if defined(STROBE_EMULATOR_FOREST_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_FOREST_BLOCKS_INL_H_
#undef STROBE_EMULATOR_FOREST_BLOCKS_INL_H_
#else
#define STROBE_EMULATOR_FOREST_BLOCKS_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/emulator/forest_blocks.h"
#include "kernels/emulator/slot_access.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {

#if HWY_TARGET <= HWY_AVX3

/// An event's values, in kVectors vectors.
template <class T, int kVectors>
struct EventValues {
  __m512i vectors[kVectors];

  HWY_INLINE explicit EventValues(const std::byte* place) {
    for (int v = 0; v < kVectors; ++v) vectors[v] = _mm512_load_si512(place + 64 * v);
  }

  /// Those that `at` names in lanes of T.
  HWY_INLINE __m512i operator[](__m512i at) const {
    if constexpr (kVectors == 1) return one(at);
    if constexpr (kVectors == 2) return two(vectors[0], at, vectors[1]);
    if constexpr (kVectors == 4) {
      const __m512i low = two(vectors[0], at, vectors[1]), high = two(vectors[2], at, vectors[3]);
      if constexpr (sizeof(T) == 2) {
        return _mm512_mask_blend_epi16(_mm512_test_epi16_mask(at, _mm512_set1_epi16(64)), low, high);
      } else {
        return _mm512_mask_blend_epi32(_mm512_test_epi32_mask(at, _mm512_set1_epi32(32)), low, high);
      }
    }
  }

 private:
  HWY_INLINE __m512i one(__m512i at) const {
    return sizeof(T) == 2 ? _mm512_permutexvar_epi16(at, vectors[0]) : _mm512_permutexvar_epi32(at, vectors[0]);
  }
  static HWY_INLINE __m512i two(__m512i low, __m512i at, __m512i high) {
    return sizeof(T) == 2 ? _mm512_permutex2var_epi16(low, at, high) : _mm512_permutex2var_epi32(low, at, high);
  }
};

/// A bit for each split: value >= cut.
template <int kVectors>
HWY_INLINE __mmask32 compare(const ForestBlocks::Block<int16_t>& block, const EventValues<int16_t, kVectors>& values) {
  const __m512i at = _mm512_cvtepu8_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(block.values)));
  return _mm512_cmpge_epi16_mask(values[at], _mm512_load_si512(block.cuts));
}

template <int kVectors>
HWY_INLINE __mmask32 compare(const ForestBlocks::Block<int32_t>& block, const EventValues<int32_t, kVectors>& values) {
  const auto half = [&](int i) HWY_ATTR {
    const __m512i at = _mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(block.values + 16 * i)));
    return _mm512_cmpge_epi32_mask(values[at], _mm512_load_si512(block.cuts + 16 * i));
  };
  return _mm512_kunpackw(half(1), half(0));
}

/// The exit that the event takes. `exits` are the places of exits, each at its number.
template <int kDoublings, class T, int kVectors>
HWY_INLINE int32_t exit_of(const ForestBlocks::Block<T>& block, const EventValues<T, kVectors>& values, __m512i exits) {
  const __mmask32 reached = compare(block, values);
  __m512i next = _mm512_load_si512(block.next);
  next = _mm512_mask_srli_epi16(next, reached, next, 8);
  // Lookups look at the six bits of a place only.
  for (int i = 0; i < kDoublings; ++i) next = _mm512_permutex2var_epi16(next, next, exits);
  return _mm_cvtsi128_si32(_mm512_castsi512_si128(next)) & 31;
}

/// Writes the leaf numbers of kCount trees, whose ways down are under way at once.
template <int kDoublings, uint32_t kCount, class T, int kVectors>
HWY_INLINE void find_leaves(const ForestBlocks::Block<T>* blocks, const uint32_t* roots, int stages,
                            const EventValues<T, kVectors>& values, __m512i exits, int32_t* leaves) {
  int32_t at[kCount];
  for (uint32_t i = 0; i < kCount; ++i) at[i] = static_cast<int32_t>(roots[i]);
  for (int stage = 1; stage < stages; ++stage) {
    for (uint32_t i = 0; i < kCount; ++i) {
      const ForestBlocks::Block<T>& block = blocks[at[i]];
      const int32_t exit = exit_of<kDoublings>(block, values, exits);
      // A block that is left for a leaf is entered again, so that all ways are of one length, and no branch is guessed.
      const int32_t stays = (exit - block.leaves) >> 31;
      at[i] = (at[i] & stays) | ((block.first_block + exit) & ~stays);
    }
  }
  for (uint32_t i = 0; i < kCount; ++i) {
    const ForestBlocks::Block<T>& block = blocks[at[i]];
    leaves[i] = block.first_leaf + exit_of<kDoublings>(block, values, exits);
  }
}

template <class T, int kVectors>
HWY_NOINLINE void find_all_leaves(const ForestBlocks& plan, const ForestBlocks::Block<T>* blocks,
                                  const std::byte* place, int32_t* leaves) {
  const EventValues<T, kVectors> values(place);
  HWY_ALIGN static constexpr auto kExits = [] {
    std::array<uint16_t, ForestBlocks::kPlaces> exits{};
    for (size_t e = 0; e < exits.size(); ++e) exits[e] = static_cast<uint16_t>(ForestBlocks::kPlaces + e);
    return exits;
  }();
  const __m512i exits = _mm512_loadu_si512(kExits.data());
  uint32_t first = 0;
  for (const ForestBlocks::Group& group : plan.groups) {
    const auto find = [&](auto doublings) HWY_ATTR {
      constexpr uint32_t kTogether = 8;
      const uint32_t* roots = plan.roots.data();
      uint32_t t = first;
      for (; t + kTogether <= group.end; t += kTogether) {
        find_leaves<doublings(), kTogether>(blocks, roots + t, group.stages, values, exits, leaves + t);
      }
      for (; t < group.end; ++t) {
        find_leaves<doublings(), 1>(blocks, roots + t, group.stages, values, exits, leaves + t);
      }
    };
    switch (group.doublings) {
      case 0:
        find(std::integral_constant<int, 0>());
        break;
      case 1:
        find(std::integral_constant<int, 1>());
        break;
      case 2:
        find(std::integral_constant<int, 2>());
        break;
      case 3:
        find(std::integral_constant<int, 3>());
        break;
      case 4:
        find(std::integral_constant<int, 4>());
        break;
      default:
        find(std::integral_constant<int, 5>());
        break;
    }
    first = group.end;
  }
}

template <class T>
HWY_INLINE void find_all_leaves(const ForestBlocks& plan, const std::vector<ForestBlocks::Block<T>>& blocks,
                                const std::byte* place, int32_t* leaves) {
  const size_t vectors = (plan.values.size() * sizeof(T) + 63) / 64;
  if (vectors <= 1) return find_all_leaves<T, 1>(plan, blocks.data(), place, leaves);
  if (vectors == 2) return find_all_leaves<T, 2>(plan, blocks.data(), place, leaves);
  find_all_leaves<T, 4>(plan, blocks.data(), place, leaves);
}

/// One after the other: vectors that a compiler would assemble for so few loads cost more than they save.
HWY_INLINE uint64_t sum_leaves(const ForestBlocks& plan, const ForestBlocks::Output& output, const int32_t* leaves) {
  const int64_t* values = plan.leaf_values.data();
  auto sum = static_cast<uint64_t>(output.base);
  for (const ForestBlocks::Part& part : output.parts) {
    sum += static_cast<uint64_t>(values[part.first + static_cast<uint32_t>(leaves[part.tree])]);
#if HWY_COMPILER_GCC
    asm("" : "+r"(sum));
#endif
  }
  return sum;
}

template <class T>
HWY_INLINE void load_values(const ForestBlocks& plan, const Slot* sources, const std::byte* arena, size_t event,
                            std::byte* place) {
  auto* values = reinterpret_cast<T*>(place);
  for (const ForestBlocks::Value& v : plan.values) {
    const int64_t value = load_value(sources[v.feature], arena, event);
    *values++ = value < v.first_cut ? std::numeric_limits<T>::max() : static_cast<T>(value);
  }
}

void run_blocks(const ForestBlocks& plan, const Slot* sources, const Slot* targets, std::byte* arena,
                std::byte* storage, size_t events) {
  auto* leaves = reinterpret_cast<int32_t*>(storage + ForestBlocks::kValueBytes);
  const bool narrow = plan.lane == Lane::k16;
  for (size_t e = 0; e < events; ++e) {
    if (narrow) {
      load_values<int16_t>(plan, sources, arena, e, storage);
      find_all_leaves(plan, plan.blocks16, storage, leaves);
    } else {
      load_values<int32_t>(plan, sources, arena, e, storage);
      find_all_leaves(plan, plan.blocks32, storage, leaves);
    }
    for (size_t o = 0; o < plan.outputs.size(); ++o) {
      if (targets[o].offset != kUnusedWord)
        store_value(sum_leaves(plan, plan.outputs[o], leaves), targets[o], arena, e);
    }
  }
}

constexpr bool kHasBlocks = true;

#else

void run_blocks(const ForestBlocks&, const Slot*, const Slot*, std::byte*, std::byte*, size_t) {}
constexpr bool kHasBlocks = false;

#endif

bool has_blocks() { return kHasBlocks; }

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
