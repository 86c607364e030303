// Rows of products one by one, operations of several operands. Included once for each instruction set.
#if defined(STROBE_EMULATOR_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_ROWS_INL_H_
#undef STROBE_EMULATOR_ROWS_INL_H_
#else
#define STROBE_EMULATOR_ROWS_INL_H_
#endif

#include "kernels/emulator/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {

template <class T>
HWY_INLINE Vector<T> truncated_product(Vector<T> x, Vector<T> weight, uint32_t shift) {
  if constexpr (sizeof(T) == 2) {
    return hn::MulHigh(x, weight);  // the plan put 2^(16 - shift) into the weight
  } else {
    return hn::ShiftRightSame(hn::Mul(x, weight), static_cast<int>(shift));
  }
}

template <class T, class S, int kVectors>
HWY_INLINE void add_terms(const PlanTerm* terms, uint32_t count, const std::byte* arena, size_t event,
                          Vector<T> (&acc)[kVectors]) {
  const Tag<T> d;
  const hn::Repartition<int64_t, Tag<T>> d64;
  const size_t n = hn::Lanes(d);
  for (const PlanTerm* term = terms; term != terms + count; ++term) {
    const auto* x = reinterpret_cast<const S*>(arena + term->offset) + event;
    const auto weight = hn::BitCast(d, hn::Set(d64, term->weight));
    if (term->kind == PlanTerm::kProduct) {
      each<kVectors>([&](auto v)
                         STROBE_INLINE_LAMBDA { acc[v] = hn::Add(acc[v], hn::Mul(load_as<T>(x + v * n), weight)); });
    } else if (term->kind == PlanTerm::kPlus) {
      each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA { acc[v] = hn::Add(acc[v], load_as<T>(x + v * n)); });
    } else if (term->kind == PlanTerm::kMinus) {
      each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA { acc[v] = hn::Sub(acc[v], load_as<T>(x + v * n)); });
    } else {
      each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA {
        acc[v] = hn::Add(acc[v], truncated_product<T>(load_as<T>(x + v * n), weight, term->shift));
      });
    }
  }
}

template <class T, int kVectors>
HWY_INLINE void row_at(const Program& program, const RowStep& step, std::byte* arena, size_t event) {
  Vector<T> acc[kVectors];
  each<kVectors>([&](auto i) STROBE_INLINE_LAMBDA { acc[i] = hn::Set(Tag<T>(), static_cast<T>(step.bias)); });
  const PlanTerm* terms = program.terms.data() + step.first_term;
  add_terms<T, int16_t>(terms, step.count[0], arena, event, acc);
  if constexpr (sizeof(T) >= 4) add_terms<T, int32_t>(terms + step.count[0], step.count[1], arena, event, acc);
  if constexpr (sizeof(T) >= 8) {
    add_terms<T, int64_t>(terms + step.count[0] + step.count[1], step.count[2], arena, event, acc);
  }
  finish<T>(step.epilogue, acc);
  store_vectors<T>(acc, step.target, arena, event);
}

template <class T>
HWY_NOINLINE void run_row(const Program& program, const RowStep& step, std::byte* arena, size_t events) {
  over_events<T, 4>(events,
                    [&](auto vectors, size_t event) HWY_ATTR { row_at<T, vectors()>(program, step, arena, event); });
}

template <class T>
HWY_INLINE Vector<T> load_slot(const Slot& slot, const std::byte* arena, size_t event) {
  const std::byte* place = arena + slot.offset + event * lane_bytes(slot.lane);
  if constexpr (sizeof(T) == 8) {
    if (slot.lane == Lane::k64) return load_as<T>(reinterpret_cast<const int64_t*>(place));
  }
  if constexpr (sizeof(T) >= 4) {
    if (slot.lane == Lane::k32) return load_as<T>(reinterpret_cast<const int32_t*>(place));
  }
  return load_as<T>(reinterpret_cast<const int16_t*>(place));
}

template <class T, int kVectors>
HWY_INLINE void binary_at(const BinaryStep& step, std::byte* arena, size_t event) {
  const size_t n = hn::Lanes(Tag<T>());
  const auto load = [&](int operand, int v)
                        HWY_ATTR { return load_slot<T>(step.source[operand], arena, event + v * n); };
  Vector<T> acc[kVectors];
  each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA {
    const auto a = load(0, v);
    const auto b = load(1, v);
    switch (step.kind) {
      case BinaryStep::kMaximum:
        acc[v] = hn::Max(a, b);
        break;
      case BinaryStep::kMinimum:
        acc[v] = hn::Min(a, b);
        break;
      case BinaryStep::kProduct:
        acc[v] = hn::Mul(a, b);
        break;
      case BinaryStep::kSelect:
        acc[v] = hn::IfThenElse(hn::Lt(a, b), load(3, v), load(2, v));
        break;
    }
  });
  finish<T>(step.epilogue, acc);
  store_vectors<T>(acc, step.target, arena, event);
}

template <class T>
HWY_NOINLINE void run_binary(const BinaryStep& step, std::byte* arena, size_t events) {
  over_events<T, 2>(events, [&](auto vectors, size_t event) HWY_ATTR { binary_at<T, vectors()>(step, arena, event); });
}

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
