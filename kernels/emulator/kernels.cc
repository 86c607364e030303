#include "kernels/emulator/kernels.h"

#include <algorithm>
#include <cstring>

#include "kernels/emulator/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/emulator/kernels.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/emulator/forest_kernels.h"
#include "kernels/emulator/scalar_step.h"

#if HWY_TARGET != HWY_SCALAR
#include "kernels/emulator/dots-inl.h"
#include "kernels/emulator/rows-inl.h"
#include "kernels/emulator/words-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

void run(const Plan&, const std::byte* const*, std::byte* const*, std::byte*, size_t, bool) {}

#else

template <class Index, class Entry>
void look_up(const LookupStep& step, const std::byte* tables, std::byte* arena, size_t events) {
  const auto* index = reinterpret_cast<const Index*>(arena + step.index.offset);
  const auto* table = reinterpret_cast<const Entry*>(tables + step.table);
  auto* target = reinterpret_cast<Entry*>(arena + step.target.offset);
  for (size_t e = 0; e < events; ++e) target[e] = table[index[e] + step.bias];
}

template <class Index>
void look_up(const LookupStep& step, const std::byte* tables, std::byte* arena, size_t events) {
  switch (step.target.lane) {
    case Lane::k16:
      return look_up<Index, int16_t>(step, tables, arena, events);
    case Lane::k32:
      return look_up<Index, int32_t>(step, tables, arena, events);
    default:
      return look_up<Index, int64_t>(step, tables, arena, events);
  }
}

void run_lookup(const LookupStep& step, const std::byte* tables, std::byte* arena, size_t events) {
  switch (step.index.lane) {
    case Lane::k16:
      return look_up<int16_t>(step, tables, arena, events);
    case Lane::k32:
      return look_up<int32_t>(step, tables, arena, events);
    default:
      return look_up<int64_t>(step, tables, arena, events);
  }
}

void run_step(const Plan& plan, const Step& step, bool has_vnni, std::byte* arena, size_t events) {
  const Program& p = plan.program;
  switch (step.kind) {
    case Step::kRow: {
      const RowStep& row = p.rows[step.index];
      if (row.lane == Lane::k16) return run_row<int16_t>(p, row, arena, events);
      if (row.lane == Lane::k32) return run_row<int32_t>(p, row, arena, events);
      return run_row<int64_t>(p, row, arena, events);
    }
    case Step::kDot: {
      const DotStep& dot = p.dots[step.index];
      if (!has_vnni) return run_dot<Products::kPairsInTwo>(p, dot, arena, events);
      return dot.bytes ? run_dot<Products::kBytes>(p, dot, arena, events)
                       : run_dot<Products::kPairs>(p, dot, arena, events);
    }
    case Step::kPack:
      return run_pack(p.packs[step.index], arena, events);
    case Step::kUnpack:
      return run_unpack(p.unpacks[step.index], arena, events);
    case Step::kLookup:
      return run_lookup(p.lookups[step.index], p.tables.data(), arena, events);
    case Step::kBinary: {
      const BinaryStep& binary = p.binaries[step.index];
      if (binary.lane == Lane::k16) return run_binary<int16_t>(binary, arena, events);
      if (binary.lane == Lane::k32) return run_binary<int32_t>(binary, arena, events);
      return run_binary<int64_t>(binary, arena, events);
    }
    case Step::kForest: {
      const ForestStep& forest = p.forests[step.index];
      return run_forest(*forest.plan, forest.sources.data(), forest.targets.data(), arena, arena + p.forest_storage,
                        events);
    }
    case Step::kScalar:
      return run_scalar_step(plan.simplified.graph, p.scalars[step.index], p.scalar_slots.data(), arena, events);
  }
}

void run(const Plan& plan, const std::byte* const* inputs, std::byte* const* outputs, std::byte* arena, size_t events,
         bool has_vnni) {
  const Program& p = plan.program;
  for (size_t i = 0; i < p.inputs.size(); ++i) load_rows(p.inputs[i], inputs[i], arena, events);
  for (const Step& step : p.steps) run_step(plan, step, has_vnni, arena, events);
  for (size_t o = 0; o < p.outputs.size(); ++o) store_rows(p.outputs[o], arena, outputs[o], events);
}

#endif

const char* name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace strobe::emulator {

HWY_EXPORT(run);
HWY_EXPORT(name);

bool has_vectors() { return instruction_set() != hwy::TargetName(HWY_SCALAR); }

std::string instruction_set() { return HWY_DYNAMIC_DISPATCH(name)(); }

bool has_byte_products() {
#if HWY_ARCH_X86_64
  return __builtin_cpu_supports("avx512vnni") && instruction_set() == hwy::TargetName(HWY_AVX3);
#else
  return false;
#endif
}

void run_block(const Plan& plan, const std::byte* const* inputs, std::byte* const* outputs, std::byte* arena,
               size_t events) {
  HWY_DYNAMIC_DISPATCH(run)(plan, inputs, outputs, arena, events, plan.byte_products);
}

}  // namespace strobe::emulator
#endif
