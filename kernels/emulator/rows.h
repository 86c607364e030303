#pragma once

#include <vector>

#include "kernels/emulator/integer_graph.h"
#include "kernels/emulator/plan.h"

namespace strobe::emulator {

/// A root and the operations that follow it in registers, before anything is stored.
struct Row {
  ValueId root = kNoValue;  ///< a sum or an operation of several operands; kNoValue: `source` as it is
  ValueId source = kNoValue;
  ValueId result = kNoValue;     ///< the value it stores
  std::vector<ValueId> members;  ///< all it computes, the result last
  Epilogue epilogue;
  bool has_wrap = false, has_clip = false, has_round = false, has_first_wrap = false;
  Lane lane = Lane::k16;  ///< in which it computes; k128: as scalar steps
};

/// The rows of a graph: which values are stored, and what is computed between.
struct Rows {
  std::vector<Row> rows;
  std::vector<int32_t> row_of;  ///< per value: the row that stores it, or -1
  std::vector<int32_t> uses;    ///< per value: how often it is an operand of what the outputs need; 0: not needed
};

/// Fuses the values that the outputs need into rows and chooses their lanes.
Rows form_rows(const IntegerGraph& graph, const std::vector<ValueId>& outputs);

/// The narrowest lane that stores all of a range.
Lane lane_of(const Range& range);

/// Calls `visit` for each operand of a node.
template <class Visit>
void for_each_operand(const IntegerGraph& graph, const IntegerNode& n, Visit visit) {
  for (const IntegerTerm& t : graph.terms_of(n)) visit(t.value);
  for (const ValueId v : {n.a, n.b, n.c, n.d}) {
    if (v != kNoValue) visit(v);
  }
}

}  // namespace strobe::emulator
