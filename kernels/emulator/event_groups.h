#pragma once

#include <compare>

#include "kernels/emulator/event_program.h"
#include "kernels/emulator/integer_graph.h"
#include "kernels/emulator/rows.h"

namespace strobe::emulator {

/// What rows that share a step have in common; earlier levels come first.
struct EventGroup {
  int level = 0;
  model::NodeId node = -1;
  EventStep::Kind kind = EventStep::kBroadcasts;
  bool wide = false, first_wraps = false, clips = false, zeroes = false, wraps = false, shifts = false;
  model::Rounding rounding = model::Rounding::kTrn;

  auto operator<=>(const EventGroup&) const = default;
};

/// The group of a value that is stored, which waits for `level` steps.
EventGroup group_of(const IntegerGraph& graph, const Rows& rows, ValueId v, int level);

}  // namespace strobe::emulator
