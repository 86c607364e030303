#include "kernels/emulator/range.h"

namespace strobe::emulator {

using model::FixedType;
using model::Overflow;

namespace {

bool fits(Wide value) { return value >= -kWidest && value <= kWidest; }

}  // namespace

bool checked_add(Wide a, Wide b, Wide& result) { return !__builtin_add_overflow(a, b, &result) && fits(result); }

bool checked_multiply(Wide a, Wide b, Wide& result) { return !__builtin_mul_overflow(a, b, &result) && fits(result); }

bool checked_shift_left(Wide a, int shift, Wide& result) {
  if (a == 0) {
    result = 0;
    return true;
  }
  if (shift >= kMaxBits || a > (kWidest >> shift) || a < -(kWidest >> shift)) return false;
  result = a << shift;
  return true;
}

bool multiply(Range x, Range y, Range& result) {
  Wide corner = 0;
  bool first = true;
  for (const Wide a : {x.low, x.high}) {
    for (const Wide b : {y.low, y.high}) {
      if (!checked_multiply(a, b, corner)) return false;
      result = first ? Range{corner, corner} : hull(result, {corner, corner});
      first = false;
    }
  }
  return true;
}

bool square(Range x, Range& result) {
  if (!multiply(x, x, result)) return false;
  const Wide least = x.low <= 0 && x.high >= 0 ? 0 : std::min(x.low * x.low, x.high * x.high);
  result.low = least;
  return true;
}

Range format_range(const FixedType& type) {
  if (type.width == 0) return {};
  return {type.is_signed ? -type.max_raw() - 1 : 0, type.max_raw()};
}

Range cast_range(Range range, int fraction, const FixedType& type) {
  if (type.width == 0 || (range.low == 0 && range.high == 0)) return {};
  const Range limits = {type.min_raw(), type.max_raw()};
  const int shift = fraction - type.fraction();
  // A value too large to shift left is far outside: one step beyond the limits stands for it.
  Range rounded;
  const auto round = [&](Wide value) {
    if (shift >= 0) return model::shift_right_rounded(value, std::min(shift, 127), type.rounding);
    Wide result = 0;
    if (checked_shift_left(value, -shift, result)) return result;
    return value < 0 ? limits.low - 1 : limits.high + 1;
  };
  rounded = {round(range.low), round(range.high)};
  if (limits.contains(rounded)) return rounded;
  if (type.overflow == Overflow::kWrap) return limits;
  const Range clamped = {std::clamp(rounded.low, limits.low, limits.high),
                         std::clamp(rounded.high, limits.low, limits.high)};
  return type.overflow == Overflow::kSatZero ? hull(clamped, {}) : clamped;
}

int signed_bits(const Range& range) {
  int bits = 1;
  while (bits < 128 && (range.low < -(Wide{1} << (bits - 1)) || range.high > (Wide{1} << (bits - 1)) - 1)) ++bits;
  return bits;
}

}  // namespace strobe::emulator
