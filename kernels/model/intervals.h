#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace strobe::model {

/// A closed interval of raw values.
struct Interval {
  int64_t low = 0, high = 0;
  auto operator<=>(const Interval&) const = default;
};
/// Ascending, disjoint, not adjacent.
using Intervals = std::vector<Interval>;

/// Adds an interval that begins nowhere before the last one; nothing where it is empty (low > high).
void append(Intervals& set, const Interval& next);
/// The values of either.
Intervals joined(Intervals a, const Intervals& b);
/// The values of `set` that are not in `hole`.
Intervals without(const Intervals& set, const Interval& hole);
bool contains(const Intervals& set, int64_t value);

}  // namespace strobe::model
