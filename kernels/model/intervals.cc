#include "kernels/model/intervals.h"

#include <algorithm>

namespace strobe::model {

void append(Intervals& set, const Interval& next) {
  if (next.low > next.high) return;
  if (!set.empty() && set.back().high >= next.low - 1) {
    set.back().high = std::max(set.back().high, next.high);
  } else {
    set.push_back(next);
  }
}

Intervals joined(Intervals a, const Intervals& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  Intervals result;
  for (const Interval& each : a) append(result, each);
  return result;
}

Intervals without(const Intervals& set, const Interval& hole) {
  Intervals result;
  for (const Interval& each : set) {
    append(result, {each.low, std::min(each.high, hole.low - 1)});
    append(result, {std::max(each.low, hole.high + 1), each.high});
  }
  return result;
}

bool contains(const Intervals& set, int64_t value) {
  return std::any_of(set.begin(), set.end(), [&](const Interval& i) { return i.low <= value && value <= i.high; });
}

}  // namespace strobe::model
