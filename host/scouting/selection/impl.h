#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/scouting/selection/plan.h"
#include "host/scouting/selection/rows.h"
#include "host/scouting/selection/selection.h"
#include "host/scouting/selection/tensors.h"

namespace strobe::scouting {

/// The finished plan.
struct Selection::Impl {
  /// Tells selections apart as long as a workspace remembers one, which an address would not.
  std::shared_ptr<const int> identity = std::make_shared<const int>(0);
  selection::Plan plan;
  selection::Reach reach;
  std::vector<std::string> value_names;
  size_t whole_columns = 0, real_columns = 0;
  std::vector<size_t> shifted_leaves;        ///< of leaves, those that are copies of columns from other rows
  std::vector<selection::Column> unshifted;  ///< by leaf: what it is a copy of
  std::vector<size_t> early, late;           ///< values without scores, and with them
  /// Stored: the early values, then whether the crossing passes.
  selection::Program main;
  /// Stored: the late values, then whether to keep the crossing.
  selection::Program decide;
  std::vector<std::vector<selection::TensorPlan>> tensors;  ///< by model and input
  uint64_t prescale = 0;                                    ///< 0: nothing of the rest is kept

  /// All programs over crossings, in a fixed order: main, decide, then those of the tensors.
  size_t programs() const;
  size_t tensor_program(size_t model, size_t input) const;
};

struct Selected::State {
  uint32_t orbit = 0;
  Buffer<uint16_t> crossings;
  Buffer<uint32_t> passed;
  selection::Columns columns;
  std::vector<selection::Column> values;
  Buffer<Keep> kept;
};

struct Workspace::State {
  std::shared_ptr<const int> owner;  ///< the `identity` of the selection that the operands were made for
  std::vector<selection::ObjectScratch> collections;
  std::vector<std::vector<selection::Operand>> operands;  ///< by program
  Buffer<std::byte> registers;
  Buffer<std::byte> gathered;  ///< leaves of rows that do not follow each other
  Buffer<std::byte> results;   ///< what a program stores for this block only
  selection::Rows rows;
  Buffer<int32_t> map;
  Buffer<uint32_t> neighbours, targets, next_target;
};

}  // namespace strobe::scouting
