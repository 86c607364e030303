#pragma once

#include <cstdint>
#include <vector>

#include "kernels/emulator/plan.h"

namespace strobe::emulator {

/// Values of one event that are computed side by side.
inline constexpr size_t kEventLanes = 16;

/// Where the lanes of an operand come from: slots that follow each other, or a slot for each lane.
struct Pick {
  static constexpr uint32_t kInOrder = ~uint32_t{0};
  uint32_t first = 0;           ///< slot of the first lane
  uint32_t indices = kInOrder;  ///< first of the lanes' slots in `EventProgram::indices`
};

/// lanes = epilogue(root), every lane with numbers of its own in the constants.
struct EventStep {
  enum Kind : uint8_t { kBroadcasts, kPicks, kMaximum, kMinimum, kProduct, kSelect, kLookup, kScalar };

  Kind kind = kBroadcasts;
  bool wide = false;  ///< computes in 64 bits, else in 32
  bool first_wraps = false, clips = false, zeroes = false, wraps = false, shifts = false;
  model::Rounding rounding = model::Rounding::kTrn;
  uint32_t first = 0;      ///< of the sources, picks, lookups or scalar steps
  uint32_t count = 0;      ///< of products that are exact, or of lookups
  uint32_t truncated = 0;  ///< of products that are cut, after the exact ones
  uint32_t constants = 0;  ///< bytes: bias, weights of each product, for those cut their shifts too
  uint32_t epilogue = 0;   ///< bytes: the EpilogueConstant's one after the other
  uint32_t target = 0;     ///< first of kEventLanes slots
};

/// Numbers a lane has for its epilogue, kEventLanes each.
enum EpilogueConstant { kFirstUnused, kFirstMask, kShift, kLow, kHigh, kUnused, kMask, kEpilogueConstants };

struct EventLookup {
  uint32_t index = 0;  ///< slot
  uint32_t table = 0;  ///< bytes into the plan's tables
  Lane lane = Lane::k16;
  int64_t bias = 0;
};

/// A tensor's row: elements in slots that follow each other on reading, picked ones on writing.
struct EventRow {
  uint32_t row_bytes = 0;
  uint8_t element_bytes = 0;
  uint32_t elements = 0;
  uint32_t first = 0;  ///< inputs: slot of the first element. Outputs: first of the picks, one for kEventLanes elements
  uint32_t constants = 0;  ///< bytes: for kEventLanes elements each unused bits and masks; for outputs left shifts
};

/// The same results as the Program, an event at a time: SIMD lanes are values of one layer instead of events. What a
/// few events are run with. Slots are of 32 bits and none is used twice.
struct EventProgram {
  std::vector<EventRow> inputs, outputs;
  std::vector<EventStep> steps;
  std::vector<uint32_t> sources;  ///< slots of broadcast operands
  std::vector<Pick> picks;
  std::vector<uint32_t> indices;
  std::vector<EventLookup> lookups;
  std::vector<ScalarStep> scalars;
  std::vector<Slot> scalar_slots;
  std::vector<std::byte> constants;
  size_t slots = 0;
  /// Fewer rows than this are run this way; 0: none, since a value is wider than its slot.
  size_t rows = 0;
};

}  // namespace strobe::emulator
