#include "kernels/quantise/lanes.h"

#include <algorithm>
#include <bit>

namespace strobe::quantise {

using model::FixedType;
using model::Wide;

namespace {

void align(Lane& a, Lane& b) {
  if (a.is_zero()) a.fraction = b.fraction;
  if (b.is_zero()) b.fraction = a.fraction;
  const int fraction = std::max(a.fraction, b.fraction);
  for (Lane* lane : {&a, &b}) {
    lane->low <<= fraction - lane->fraction;
    lane->high <<= fraction - lane->fraction;
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
  const int shift = lane.fraction - type.fraction();
  const Wide low = model::shift_right_rounded(lane.low, shift, type.rounding);
  const Wide high = model::shift_right_rounded(lane.high, shift, type.rounding);
  if (low >= type.min_raw() && high <= type.max_raw()) return {low, high, type.fraction()};
  if (type.overflow == model::Overflow::kWrap || type.overflow == model::Overflow::kSatZero) return lane_of(type);
  return {std::clamp(low, type.min_raw(), type.max_raw()), std::clamp(high, type.min_raw(), type.max_raw()),
          type.fraction()};
}

Lane operator+(Lane a, Lane b) {
  align(a, b);
  return {a.low + b.low, a.high + b.high, a.fraction};
}

Lane operator-(Lane a) { return {-a.high, -a.low, a.fraction}; }

Lane operator*(const Lane& a, const Lane& b) {
  const auto [low, high] = std::minmax({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
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
  const Wide a = lane.low * factor;
  const Wide b = lane.high * factor;
  return {std::min(a, b), std::max(a, b), lane.fraction + fraction - zeros};
}

}  // namespace strobe::quantise
