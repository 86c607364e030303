#include "kernels/quantise/lanes.h"

#include <algorithm>
#include <bit>

namespace strobe::quantise {

using model::FixedType;
using model::Wide;

namespace {

/// Where exact integers end. A lane that reaches it stays there through every sum and product, so that the type that
/// holds it is refused.
constexpr Wide kWidest = Wide{1} << 120;

Wide limited(bool overflowed, bool negative, Wide value) {
  if (overflowed) return negative ? -kWidest : kWidest;
  return std::clamp(value, -kWidest, kWidest);
}

Wide sum(Wide a, Wide b) {
  Wide result = 0;
  const bool overflowed = __builtin_add_overflow(a, b, &result);
  return limited(overflowed, a < 0, result);
}

Wide product(Wide a, Wide b) {
  Wide result = 0;
  const bool overflowed = __builtin_mul_overflow(a, b, &result);
  return limited(overflowed, (a < 0) != (b < 0), result);
}

/// value 2^shift, shift >= 0
Wide shifted(Wide value, int shift) {
  if (value == 0) return 0;
  if (shift > 120) return value < 0 ? -kWidest : kWidest;
  return product(value, Wide{1} << shift);
}

void align(Lane& a, Lane& b) {
  if (a.is_zero()) a.fraction = b.fraction;
  if (b.is_zero()) b.fraction = a.fraction;
  const int fraction = std::max(a.fraction, b.fraction);
  for (Lane* lane : {&a, &b}) {
    lane->low = shifted(lane->low, fraction - lane->fraction);
    lane->high = shifted(lane->high, fraction - lane->fraction);
    lane->fraction = fraction;
  }
}

int magnitude_bits(Wide value) {
  int bits = 0;
  for (; value > 0; value >>= 1) ++bits;
  return bits;
}

}  // namespace

Lane lane_of(const FixedType& type) { return {type.min_raw(), type.max_raw(), type.fraction()}; }

FixedType holding(const Lane& lane) {
  if (lane.is_zero()) return {false, 0, 0};
  const bool is_signed = lane.low < 0;
  const int bits =
      std::max(lane.high > 0 ? magnitude_bits(lane.high) : 0, is_signed ? magnitude_bits(-lane.low - 1) : 0);
  const int width = bits + is_signed;
  return {is_signed, width, width - lane.fraction};
}

Lane converted(const Lane& lane, const FixedType& type) {
  if (type.width == 0 || lane.is_zero()) return {};
  if (lane.low <= -kWidest || lane.high >= kWidest) return lane_of(type);  // how far beyond is not known
  const int shift = lane.fraction - type.fraction();
  const auto rounded = [&](Wide value) {
    return shift < 0 ? shifted(value, -shift) : model::shift_right_rounded(value, shift, type.rounding);
  };
  const Wide low = rounded(lane.low);
  const Wide high = rounded(lane.high);
  if (low >= type.min_raw() && high <= type.max_raw()) return {low, high, type.fraction()};
  if (type.overflow == model::Overflow::kWrap || type.overflow == model::Overflow::kSatZero) return lane_of(type);
  return {std::clamp(low, type.min_raw(), type.max_raw()), std::clamp(high, type.min_raw(), type.max_raw()),
          type.fraction()};
}

Lane operator+(Lane a, Lane b) {
  align(a, b);
  return {sum(a.low, b.low), sum(a.high, b.high), a.fraction};
}

Lane operator-(Lane a) { return {-a.high, -a.low, a.fraction}; }

Lane operator*(const Lane& a, const Lane& b) {
  const auto [low, high] =
      std::minmax({product(a.low, b.low), product(a.low, b.high), product(a.high, b.low), product(a.high, b.high)});
  return {low, high, a.fraction + b.fraction};
}

Lane lane_max(Lane a, Lane b) {
  align(a, b);
  return {std::max(a.low, b.low), std::max(a.high, b.high), a.fraction};
}

Lane lane_min(Lane a, Lane b) {
  align(a, b);
  return {std::min(a.low, b.low), std::min(a.high, b.high), a.fraction};
}

Lane united(Lane a, Lane b) {
  align(a, b);
  return {std::min(a.low, b.low), std::max(a.high, b.high), a.fraction};
}

Lane scaled(const Lane& lane, int64_t raw, int fraction) {
  if (raw == 0 || lane.is_zero()) return {};
  const int zeros = std::countr_zero(static_cast<uint64_t>(raw));
  const Wide factor = raw >> zeros;
  const Wide a = product(lane.low, factor);
  const Wide b = product(lane.high, factor);
  return {std::min(a, b), std::max(a, b), lane.fraction + fraction - zeros};
}

}  // namespace strobe::quantise
