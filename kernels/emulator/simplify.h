#pragma once

#include "kernels/emulator/integer_graph.h"
#include "kernels/emulator/listing.h"

namespace strobe::emulator {

/// A number as an integer of the graph times 2^-fraction.
struct ScaledValue {
  ValueId id = kNoValue;
  int fraction = 0;
};

/// A listing as integers, everything in it that cannot matter left out.
struct Simplified {
  IntegerGraph graph;
  /// Per output of the model, per element: what to store is graph value * 2^(fraction of the element's type -
  /// fraction).
  std::vector<std::vector<ScaledValue>> outputs;
};

/// False where aligning binary points needs more than 126 bits: the model then runs on the exact path.
bool simplify(const Listing& listing, Simplified& result);

}  // namespace strobe::emulator
