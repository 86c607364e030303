// One event at a time: lanes are values of a layer.
#include "kernels/emulator/event_kernels.h"

#include <algorithm>
#include <cstring>

#include "kernels/emulator/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/emulator/event_kernels.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/emulator/scalar_step.h"
#if HWY_TARGET != HWY_SCALAR
#include "kernels/emulator/epilogue-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

void run_events(const Plan&, const std::byte* const*, std::byte* const*, std::byte*, size_t) {}

#else

/// A vector of at most kEventLanes lanes.
template <class T>
using LaneTag = hn::CappedTag<T, kEventLanes>;
template <class T>
using LaneVector = hn::Vec<LaneTag<T> >;
/// Vectors that make up the lanes of a step.
template <class T>
constexpr int kParts = static_cast<int>(kEventLanes / hn::MaxLanes(LaneTag<T>()));

struct EventRun {
  const EventProgram& program;
  int32_t* slots;

  template <class T>
  const T* constants(uint32_t offset) const {
    return reinterpret_cast<const T*>(program.constants.data() + offset);
  }
};

/// Part `part` of kEventLanes numbers.
template <class T>
HWY_INLINE LaneVector<T> load_lanes(const T* numbers, int part) {
  const LaneTag<T> d;
  return hn::LoadU(d, numbers + part * hn::Lanes(d));
}

template <class T>
HWY_INLINE LaneVector<T> load_pick(const EventRun& run, const Pick& pick, int part) {
  const LaneTag<T> d;
  const hn::Rebind<int32_t, LaneTag<T> > slots;
  const size_t first = part * hn::Lanes(d);
  const auto narrow =
      pick.indices == Pick::kInOrder
          ? hn::LoadU(slots, run.slots + pick.first + first)
          : hn::GatherIndex(
                slots, run.slots,
                hn::LoadU(slots, reinterpret_cast<const int32_t*>(run.program.indices.data() + pick.indices + first)));
  if constexpr (sizeof(T) == 4) {
    return narrow;
  } else {
    return hn::PromoteTo(d, narrow);
  }
}

template <class T>
HWY_INLINE void add_broadcasts(const EventRun& run, const EventStep& step, LaneVector<T> (&acc)[kParts<T>]) {
  const LaneTag<T> d;
  const uint32_t* sources = run.program.sources.data() + step.first;
  const T* weights = run.constants<T>(step.constants) + kEventLanes;
  for (uint32_t t = 0; t < step.count; ++t, weights += kEventLanes) {
    const auto x = hn::Set(d, static_cast<T>(run.slots[sources[t]]));
    each<kParts<T> >([&](auto p)
                         STROBE_INLINE_LAMBDA { acc[p] = hn::Add(acc[p], hn::Mul(x, load_lanes(weights, p))); });
  }
  sources += step.count;
  for (uint32_t t = 0; t < step.truncated; ++t, weights += 2 * kEventLanes) {
    const auto x = hn::Set(d, static_cast<T>(run.slots[sources[t]]));
    each<kParts<T> >([&](auto p) STROBE_INLINE_LAMBDA {
      const auto product = hn::Mul(x, load_lanes(weights, p));
      acc[p] = hn::Add(acc[p], hn::Shr(product, load_lanes(weights + kEventLanes, p)));
    });
  }
}

template <class T>
HWY_INLINE void add_picks(const EventRun& run, const EventStep& step, LaneVector<T> (&acc)[kParts<T>]) {
  const Pick* picks = run.program.picks.data() + step.first;
  const T* weights = run.constants<T>(step.constants) + kEventLanes;
  for (uint32_t t = 0; t < step.count; ++t, weights += kEventLanes) {
    each<kParts<T> >([&](auto p) STROBE_INLINE_LAMBDA {
      acc[p] = hn::Add(acc[p], hn::Mul(load_pick<T>(run, picks[t], p), load_lanes(weights, p)));
    });
  }
}

template <class T>
HWY_INLINE LaneVector<T> operate(const EventRun& run, const EventStep& step, int part) {
  const Pick* picks = run.program.picks.data() + step.first;
  const auto a = load_pick<T>(run, picks[0], part);
  const auto b = load_pick<T>(run, picks[1], part);
  switch (step.kind) {
    case EventStep::kMaximum:
      return hn::Max(a, b);
    case EventStep::kMinimum:
      return hn::Min(a, b);
    case EventStep::kProduct:
      return hn::Mul(a, b);
    default:
      return hn::IfThenElse(hn::Lt(a, b), load_pick<T>(run, picks[3], part), load_pick<T>(run, picks[2], part));
  }
}

template <class T>
HWY_INLINE LaneVector<T> wrap_each(LaneVector<T> v, const T* unused, const T* mask, int part) {
  const auto shift = load_lanes(unused, part);
  return hn::And(hn::Shr(hn::Shl(v, shift), shift), load_lanes(mask, part));
}

/// v / 2^shift, rounded; every shift is at least 1. The same sums as `round_lanes`.
template <class T>
HWY_INLINE LaneVector<T> round_each(LaneVector<T> v, LaneVector<T> shift, model::Rounding rounding) {
  const LaneTag<T> d;
  const auto one = hn::Set(d, T{1});
  const auto half = hn::Shl(one, hn::Sub(shift, one));
  const auto below_half = hn::Sub(half, one);
  const auto sign = hn::BroadcastSignBit(v);
  switch (rounding) {
    case model::Rounding::kTrn:
      break;
    case model::Rounding::kTrnZero:
      v = hn::Add(v, hn::And(sign, hn::Add(half, below_half)));
      break;
    case model::Rounding::kRnd:
      v = hn::Add(v, half);
      break;
    case model::Rounding::kRndZero:
      v = hn::Add(v, hn::Sub(below_half, sign));
      break;
    case model::Rounding::kRndMinInf:
      v = hn::Add(v, below_half);
      break;
    case model::Rounding::kRndInf:
      v = hn::Add(v, hn::Add(half, sign));
      break;
    case model::Rounding::kRndConv:
      v = hn::Add(hn::Add(v, below_half), hn::And(hn::Shr(v, shift), one));
      break;
  }
  return hn::Shr(v, shift);
}

template <class T>
HWY_INLINE LaneVector<T> finish_each(const EventRun& run, const EventStep& step, LaneVector<T> v, int part) {
  const T* numbers = run.constants<T>(step.epilogue);
  const auto of = [&](EpilogueConstant which) STROBE_INLINE_LAMBDA { return numbers + which * kEventLanes; };
  if (step.first_wraps) v = wrap_each<T>(v, of(kFirstUnused), of(kFirstMask), part);
  if (step.shifts) v = round_each<T>(v, load_lanes(of(kShift), part), step.rounding);
  const auto low = load_lanes(of(kLow), part);
  const auto high = load_lanes(of(kHigh), part);
  if (step.clips) v = hn::Min(hn::Max(v, low), high);
  if (step.zeroes) v = hn::IfThenZeroElse(hn::Or(hn::Lt(v, low), hn::Gt(v, high)), v);
  if (step.wraps) v = wrap_each<T>(v, of(kUnused), of(kMask), part);
  return v;
}

template <class T>
HWY_NOINLINE void run_lanes(const EventRun& run, const EventStep& step) {
  LaneVector<T> acc[kParts<T>];
  if (step.kind <= EventStep::kPicks) {
    const T* bias = run.constants<T>(step.constants);
    each<kParts<T> >([&](auto p) STROBE_INLINE_LAMBDA { acc[p] = load_lanes(bias, p); });
    if (step.kind == EventStep::kBroadcasts) {
      add_broadcasts<T>(run, step, acc);
    } else {
      add_picks<T>(run, step, acc);
    }
  } else {
    each<kParts<T> >([&](auto p) STROBE_INLINE_LAMBDA { acc[p] = operate<T>(run, step, p); });
  }
  const size_t n = hn::Lanes(LaneTag<T>());
  each<kParts<T> >([&](auto p) STROBE_INLINE_LAMBDA {
    const auto v = finish_each<T>(run, step, acc[p], p);
    if constexpr (sizeof(T) == 4) {
      hn::StoreU(v, LaneTag<T>(), run.slots + step.target + p * n);
    } else {
      const hn::RebindToUnsigned<LaneTag<T> > wide;
      const hn::Rebind<uint32_t, LaneTag<T> > narrow;
      hn::StoreU(hn::TruncateTo(narrow, hn::BitCast(wide, v)), narrow,
                 reinterpret_cast<uint32_t*>(run.slots) + step.target + p * n);
    }
  });
}

void run_event_lookups(const Plan& plan, const EventStep& step, int32_t* slots) {
  const EventLookup* lookups = plan.events.lookups.data() + step.first;
  for (uint32_t i = 0; i < step.count; ++i) {
    const EventLookup& lookup = lookups[i];
    const std::byte* table = plan.program.tables.data() + lookup.table;
    const int64_t entry = slots[lookup.index] + lookup.bias;
    slots[step.target + i] = lookup.lane == Lane::k16 ? reinterpret_cast<const int16_t*>(table)[entry]
                                                      : reinterpret_cast<const int32_t*>(table)[entry];
  }
}

/// Elements of type S of a row into slots, through `room`, since whole vectors are read.
template <class S>
HWY_INLINE void load_event(const EventRun& run, const EventRow& row, const std::byte* from, std::byte* room) {
  const LaneTag<int32_t> d;
  const hn::Rebind<S, LaneTag<int32_t> > elements;
  std::memcpy(room, from, row.row_bytes);
  const auto* raw = reinterpret_cast<const S*>(room);
  const int32_t* constants = run.constants<int32_t>(row.constants);
  int32_t* to = run.slots + row.first;
  for (uint32_t e = 0; e < row.elements; e += kEventLanes, constants += 2 * kEventLanes) {
    each<kParts<int32_t> >([&](auto p) STROBE_INLINE_LAMBDA {
      const size_t at = e + p * hn::Lanes(d);
      LaneVector<int32_t> v;
      if constexpr (sizeof(S) == 4) {
        v = hn::LoadU(d, raw + at);
      } else {
        v = hn::PromoteTo(d, hn::LoadU(elements, raw + at));
      }
      hn::StoreU(wrap_each<int32_t>(v, constants, constants + kEventLanes, p), d, to + at);
    });
  }
}

/// Slots into elements of type S.
template <class S>
HWY_INLINE void store_event(const EventRun& run, const EventRow& row, std::byte* to) {
  const LaneTag<int32_t> d;
  HWY_ALIGN int32_t raw[kEventLanes];
  S cut[kEventLanes];
  const int32_t* left = run.constants<int32_t>(row.constants);
  const Pick* pick = run.program.picks.data() + row.first;
  for (uint32_t e = 0; e < row.elements; e += kEventLanes, ++pick, left += kEventLanes) {
    each<kParts<int32_t> >([&](auto p) STROBE_INLINE_LAMBDA {
      hn::Store(hn::Shl(load_pick<int32_t>(run, *pick, p), load_lanes(left, p)), d, raw + p * hn::Lanes(d));
    });
    for (size_t i = 0; i < kEventLanes; ++i) cut[i] = static_cast<S>(raw[i]);
    std::memcpy(to + e * sizeof(S), cut, std::min<size_t>(row.elements - e, kEventLanes) * sizeof(S));
  }
}

/// `rows` events; `arena` holds the slots and then room for a row.
void run_events(const Plan& plan, const std::byte* const* inputs, std::byte* const* outputs, std::byte* arena,
                size_t rows) {
  const EventProgram& program = plan.events;
  const EventRun run{program, reinterpret_cast<int32_t*>(arena)};
  std::byte* room = arena + 4 * program.slots;
  for (size_t event = 0; event < rows; ++event) {
    for (size_t i = 0; i < program.inputs.size(); ++i) {
      const EventRow& row = program.inputs[i];
      const std::byte* from = inputs[i] + event * row.row_bytes;
      if (row.element_bytes == 1) {
        load_event<int8_t>(run, row, from, room);
      } else if (row.element_bytes == 2) {
        load_event<int16_t>(run, row, from, room);
      } else {
        load_event<int32_t>(run, row, from, room);
      }
    }
    for (const EventStep& step : program.steps) {
      if (step.kind == EventStep::kLookup) {
        run_event_lookups(plan, step, run.slots);
      } else if (step.kind == EventStep::kScalar) {
        run_scalar_step(plan.simplified.graph, program.scalars[step.first], program.scalar_slots.data(), arena, 1);
      } else if (step.wide) {
        run_lanes<int64_t>(run, step);
      } else {
        run_lanes<int32_t>(run, step);
      }
    }
    for (size_t o = 0; o < program.outputs.size(); ++o) {
      const EventRow& row = program.outputs[o];
      std::byte* to = outputs[o] + event * row.row_bytes;
      if (row.element_bytes == 1) {
        store_event<int8_t>(run, row, to);
      } else if (row.element_bytes == 2) {
        store_event<int16_t>(run, row, to);
      } else {
        store_event<int32_t>(run, row, to);
      }
    }
  }
}

#endif

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace strobe::emulator {

HWY_EXPORT(run_events);

size_t event_arena_bytes(const Plan& plan) {
  size_t row_bytes = 0;
  for (const EventRow& row : plan.events.inputs) row_bytes = std::max<size_t>(row_bytes, row.row_bytes);
  return 4 * plan.events.slots + row_bytes + kEventLanes * sizeof(int32_t);
}

void run_event_by_event(const Plan& plan, const std::byte* const* inputs, std::byte* const* outputs, std::byte* arena,
                        size_t rows) {
  HWY_DYNAMIC_DISPATCH(run_events)(plan, inputs, outputs, arena, rows);
}

}  // namespace strobe::emulator
#endif
