#pragma once

#include <algorithm>

#include "kernels/model/fixed_type.h"

namespace strobe::emulator {

using model::Wide;

/// Limits of the integers that the exact arithmetic may meet: one bit is kept free for sums and rounding.
inline constexpr int kMaxBits = 126;
inline constexpr Wide kWidest = (Wide{1} << kMaxBits) - 1;

/// All integers from `low` to `high`, both included: what a raw value can be.
struct Range {
  Wide low = 0;
  Wide high = 0;

  bool contains(const Range& other) const { return low <= other.low && other.high <= high; }
  bool is_single() const { return low == high; }
  bool operator==(const Range&) const = default;
};

inline Range hull(Range a, Range b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

/// a + b, false where it leaves kMaxBits.
bool checked_add(Wide a, Wide b, Wide& result);
bool checked_multiply(Wide a, Wide b, Wide& result);
/// a 2^shift for shift >= 0.
bool checked_shift_left(Wide a, int shift, Wide& result);

/// The range of x y; false where it leaves kMaxBits.
bool multiply(Range x, Range y, Range& result);
/// The same of x x.
bool square(Range x, Range& result);

/// What a cast to `type` gives for values of `range` on the grid 2^-fraction. Exact but for wraps, which give all of
/// the type.
Range cast_range(Range range, int fraction, const model::FixedType& type);

/// Every raw value that the format can hold, -2^(w-1) included where saturation is symmetric.
Range format_range(const model::FixedType& type);

/// Bits of the narrowest two's complement integer that holds the range.
int signed_bits(const Range& range);

}  // namespace strobe::emulator
