// What happens to sums in registers before they are stored. Included once for each instruction set.
#if defined(STROBE_EMULATOR_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_EPILOGUE_INL_H_
#undef STROBE_EMULATOR_EPILOGUE_INL_H_
#else
#define STROBE_EMULATOR_EPILOGUE_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/emulator/plan.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using Vector = hn::Vec<Tag<T>>;

#undef STROBE_INLINE_LAMBDA
#define STROBE_INLINE_LAMBDA HWY_ATTR __attribute__((always_inline))

/// Calls `f(constant i)` for i below kCount. g++ 12 keeps an array of vectors in registers only where every index is a
/// constant before its loops are unrolled.
template <int kCount, class F>
HWY_INLINE void each(F f) {
  [&]<int... I>(std::integer_sequence<int, I...>) STROBE_INLINE_LAMBDA { (f(std::integral_constant<int, I>()), ...); }
  (std::make_integer_sequence<int, kCount>());
}

/// Loads lanes of a narrower or equal type.
template <class T, class S>
HWY_INLINE Vector<T> load_as(const S* source) {
  const Tag<T> d;
  const hn::Rebind<S, Tag<T>> ds;
  if constexpr (sizeof(S) == sizeof(T)) {
    return hn::LoadU(d, source);
  } else if constexpr (sizeof(T) == 2 * sizeof(S)) {
    return hn::PromoteTo(d, hn::LoadU(ds, source));
  } else {
    const hn::Rebind<int32_t, Tag<T>> half;
    return hn::PromoteTo(d, hn::PromoteTo(half, hn::LoadU(ds, source)));
  }
}

/// Stores values that fit S.
template <class T, class S>
HWY_INLINE void store_as(Vector<T> v, S* target) {
  const hn::Rebind<S, Tag<T>> ds;
  if constexpr (sizeof(S) == sizeof(T)) {
    hn::StoreU(v, Tag<T>(), target);
  } else if constexpr (sizeof(T) == 4) {
    hn::StoreU(hn::DemoteTo(ds, v), ds, target);
  } else {
    const hn::RebindToUnsigned<Tag<T>> du;
    const hn::Rebind<std::make_unsigned_t<S>, Tag<T>> narrow;
    hn::StoreU(hn::BitCast(ds, hn::TruncateTo(narrow, hn::BitCast(du, v))), ds, target);
  }
}

template <class T>
HWY_INLINE Vector<T> wrap_lanes(Vector<T> v, int bits, bool is_signed) {
  const Tag<T> d;
  const int unused = static_cast<int>(8 * sizeof(T)) - bits;
  if (unused <= 0) return v;
  if (is_signed) return hn::ShiftRightSame(hn::ShiftLeftSame(v, unused), unused);
  return hn::And(v, hn::Set(d, static_cast<T>((uint64_t{1} << bits) - 1)));
}

/// a + b; lanes of 16 bits saturate (see `needed_bits` of rows.cc).
template <class T>
HWY_INLINE Vector<T> add_rounding(Vector<T> a, Vector<T> b) {
  if constexpr (sizeof(T) == 2) {
    return hn::SaturatedAdd(a, b);
  } else {
    return hn::Add(a, b);
  }
}

/// v / 2^shift, rounded: a number below 2^shift is added, and the sum cut.
template <class T>
HWY_INLINE Vector<T> round_lanes(Vector<T> v, int shift, model::Rounding rounding) {
  const Tag<T> d;
  const auto half = static_cast<T>(uint64_t{1} << (shift - 1));
  const auto below_half = static_cast<T>(half - 1);
  const auto sign = [&] { return hn::BroadcastSignBit(v); };
  switch (rounding) {
    case model::Rounding::kTrn:
      break;
    case model::Rounding::kTrnZero:
      v = add_rounding<T>(v, hn::And(sign(), hn::Set(d, static_cast<T>(2 * (half - 1) + 1))));
      break;
    case model::Rounding::kRnd:
      v = add_rounding<T>(v, hn::Set(d, half));
      break;
    case model::Rounding::kRndZero:
      v = add_rounding<T>(v, hn::Sub(hn::Set(d, below_half), sign()));
      break;
    case model::Rounding::kRndMinInf:
      v = add_rounding<T>(v, hn::Set(d, below_half));
      break;
    case model::Rounding::kRndInf:
      v = add_rounding<T>(v, hn::Add(hn::Set(d, half), sign()));
      break;
    case model::Rounding::kRndConv:
      v = add_rounding<T>(add_rounding<T>(v, hn::Set(d, below_half)),
                          hn::And(hn::ShiftRightSame(v, shift), hn::Set(d, T{1})));
      break;
  }
  return hn::ShiftRightSame(v, shift);
}

template <class T, int kVectors>
HWY_INLINE void finish(const Epilogue& e, Vector<T> (&acc)[kVectors]) {
  const Tag<T> d;
  if (e.first_wrap != 0) {
    each<kVectors>([&](auto i)
                       STROBE_INLINE_LAMBDA { acc[i] = wrap_lanes<T>(acc[i], e.first_wrap, e.first_wrap_signed); });
  }
  if (e.shift != 0) {
    if (e.rounding == model::Rounding::kTrn) {
      each<kVectors>([&](auto i) STROBE_INLINE_LAMBDA { acc[i] = hn::ShiftRightSame(acc[i], e.shift); });
    } else {
      each<kVectors>([&](auto i) STROBE_INLINE_LAMBDA { acc[i] = round_lanes<T>(acc[i], e.shift, e.rounding); });
    }
  }
  if (e.clip != Epilogue::kNone) {
    const auto low = hn::Set(d, static_cast<T>(e.low));
    const auto high = hn::Set(d, static_cast<T>(e.high));
    if (e.clip == Epilogue::kZeroOutside) {
      each<kVectors>([&](auto i) STROBE_INLINE_LAMBDA {
        acc[i] = hn::IfThenZeroElse(hn::Or(hn::Lt(acc[i], low), hn::Gt(acc[i], high)), acc[i]);
      });
    }
    if (e.clip == Epilogue::kLow || e.clip == Epilogue::kBoth) {
      each<kVectors>([&](auto i) STROBE_INLINE_LAMBDA { acc[i] = hn::Max(acc[i], low); });
    }
    if (e.clip == Epilogue::kHigh || e.clip == Epilogue::kBoth) {
      each<kVectors>([&](auto i) STROBE_INLINE_LAMBDA { acc[i] = hn::Min(acc[i], high); });
    }
  }
  if (e.wrap != 0) {
    each<kVectors>([&](auto i) STROBE_INLINE_LAMBDA { acc[i] = wrap_lanes<T>(acc[i], e.wrap, e.wrap_signed); });
  }
}

/// Stores vectors of T side by side in the target's lanes, which are as wide or narrower.
template <class T, int kVectors>
HWY_INLINE void store_vectors(const Vector<T> (&acc)[kVectors], const Slot& target, std::byte* arena, size_t event) {
  const size_t n = hn::Lanes(Tag<T>());
  std::byte* place = arena + target.offset + event * lane_bytes(target.lane);
  if (target.lane == Lane::k16) {
    auto* to = reinterpret_cast<int16_t*>(place);
    if constexpr (sizeof(T) == 4 && kVectors % 2 == 0) {
      // The lower halves of two vectors in one shuffle.
      const Tag<int16_t> half;
      each<kVectors / 2>([&](auto v) STROBE_INLINE_LAMBDA {
        const auto both = hn::ConcatEven(half, hn::BitCast(half, acc[2 * v + 1]), hn::BitCast(half, acc[2 * v]));
        hn::StoreU(both, half, to + 2 * v * n);
      });
      return;
    }
    each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA { store_as<T>(acc[v], to + v * n); });
    return;
  }
  if constexpr (sizeof(T) >= 4) {
    if (target.lane == Lane::k32) {
      auto* to = reinterpret_cast<int32_t*>(place);
      each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA { store_as<T>(acc[v], to + v * n); });
      return;
    }
  }
  if constexpr (sizeof(T) == 8) {
    auto* to = reinterpret_cast<int64_t*>(place);
    each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA { hn::StoreU(acc[v], Tag<T>(), to + v * n); });
  }
}

/// Runs `body(constant vectors, event)` over all events, as many vectors at a time as `kVectors` while they last.
template <class T, int kVectors, class Body>
HWY_INLINE void over_events(size_t events, Body body) {
  const size_t n = hn::Lanes(Tag<T>());
  size_t e = 0;
  for (; e + kVectors * n <= events; e += kVectors * n) body(std::integral_constant<int, kVectors>(), e);
  for (; e < events; e += n) body(std::integral_constant<int, 1>(), e);
}

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
