#pragma once

#include <vector>

#include "kernels/layers/support.h"
#include "kernels/model/graph.h"

namespace strobe::quantise {

/// The values that one element of a tensor can take: low..high in steps of 2^-fraction, both ends included. Ends that
/// leave 120 bits stop there, and no type is wide enough for them.
struct Lane {
  model::Wide low = 0;
  model::Wide high = 0;
  int fraction = 0;

  bool is_zero() const { return low == 0 && high == 0; }
};

/// Every value of a type.
Lane lane_of(const model::FixedType& type);
/// The narrowest type (truncation, wrap) that holds every value; width 0 for a lane that is always zero.
model::FixedType holding(const Lane& lane);
/// What a conversion to `type` leaves: the whole type where values may wrap.
Lane converted(const Lane& lane, const model::FixedType& type);

Lane operator+(Lane a, Lane b);
Lane operator-(Lane a);
Lane operator*(const Lane& a, const Lane& b);
Lane lane_max(Lane a, Lane b);
Lane lane_min(Lane a, Lane b);
/// Covers both.
Lane united(Lane a, Lane b);
/// times raw * 2^-fraction, on the coarsest grid that holds it.
Lane scaled(const Lane& lane, int64_t raw, int fraction);

}  // namespace strobe::quantise
