#include "kernels/emulator/forest_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

// Lookups of bytes in tables of 128 need the AVX-512 of Ice Lake and Zen 4.
#define HWY_WANT_AVX3_DL
#include "kernels/emulator/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/emulator/forest_kernels.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if HWY_TARGET != HWY_SCALAR
#include "kernels/emulator/forest_sums-inl.h"
#endif
#include "kernels/emulator/forest_blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

void run_sliced(const ForestSlices&, const Slot*, const Slot*, std::byte*, std::byte*, size_t) {}
int page_bits() { return 0; }

#else

void run_sliced(const ForestSlices& slices, const Slot* sources, const Slot* targets, std::byte* arena,
                std::byte* storage, size_t events) {
  events = (events + 63) / 64 * 64;
  std::memset(storage, 0, ForestSlices::kWordBytes);
  std::memset(storage + ForestSlices::kWordBytes, 0xff, ForestSlices::kWordBytes);
  for (const ForestSlices::Feature& f : slices.features) {
    run_feature(slices, f, arena + sources[f.source].offset, storage, storage + slices.scratch, events);
  }
  for (const ForestSlices::Union& join : slices.unions) run_union(join, storage);
  for (size_t o = 0; o < slices.bases.size(); ++o) {
    if (targets[o].offset != kUnusedWord) set_base(slices.bases[o], targets[o], arena, events);
  }
  for (const ForestSlices::Segment& s : slices.segments) {
    run_choices(slices.choices.data() + s.first_choice, s.choices, storage);
    if (targets[s.output].offset != kUnusedWord) run_sums(slices, s, targets[s.output], arena, storage, events);
  }
}

int page_bits() { return kPageBits; }

#endif

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace strobe::emulator {

HWY_EXPORT(run_sliced);
HWY_EXPORT(page_bits);
HWY_EXPORT(run_blocks);
HWY_EXPORT(has_blocks);

int forest_page_bits() { return HWY_DYNAMIC_DISPATCH(page_bits)(); }
bool forest_has_blocks() { return HWY_DYNAMIC_DISPATCH(has_blocks)(); }

void run_forest(const ForestPlan& plan, const Slot* sources, const Slot* targets, std::byte* arena, std::byte* storage,
                size_t events) {
  if (!plan.sliced || events < plan.fewest_sliced) {
    if (!plan.has_blocks) return walk_forest(plan.walk, sources, targets, arena, storage, events);
    return HWY_DYNAMIC_DISPATCH(run_blocks)(plan.blocks, sources, targets, arena, storage, events);
  }
  HWY_DYNAMIC_DISPATCH(run_sliced)(plan.slices, sources, targets, arena, storage, events);
}

}  // namespace strobe::emulator
#endif
