#include "kernels/emulator/event_groups.h"

namespace strobe::emulator {
namespace {

EventStep::Kind kind_of(const IntegerGraph& graph, const Row& row) {
  switch (row.root == kNoValue ? IntegerOp::kLinear : graph.at(row.root).op) {
    case IntegerOp::kMaximum:
      return EventStep::kMaximum;
    case IntegerOp::kMinimum:
      return EventStep::kMinimum;
    case IntegerOp::kProduct:
      return EventStep::kProduct;
    case IntegerOp::kSelect:
      return EventStep::kSelect;
    default:
      return EventStep::kBroadcasts;
  }
}

}  // namespace

EventGroup group_of(const IntegerGraph& graph, const Rows& rows, ValueId v, int level) {
  const IntegerNode& n = graph.at(v);
  EventGroup group{.level = level, .node = n.node};
  const int32_t r = rows.row_of[v];
  if (r < 0) {
    group.kind = n.op == IntegerOp::kLookup ? EventStep::kLookup : EventStep::kScalar;
    return group;
  }
  const Row& row = rows.rows[r];
  const Epilogue& e = row.epilogue;
  group.kind = kind_of(graph, row);
  group.wide = row.lane > Lane::k32;
  group.first_wraps = e.first_wrap != 0;
  group.clips = e.clip != Epilogue::kNone && e.clip != Epilogue::kZeroOutside;
  group.zeroes = e.clip == Epilogue::kZeroOutside;
  group.wraps = e.wrap != 0;
  group.shifts = e.shift != 0;
  group.rounding = e.rounding;
  return group;
}

}  // namespace strobe::emulator
