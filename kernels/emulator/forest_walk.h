#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/emulator/forest.h"
#include "kernels/emulator/plan.h"

namespace strobe::emulator {

struct CutForest;

/// A forest as steps from node to node.
struct ForestWalk {
  struct Step {
    int32_t cut = 0;       ///< of a leaf: its number in the forest
    int32_t next = 0;      ///< steps from here to the one for value < cut; the one for value >= cut follows it
    uint32_t feature = 0;  ///< which of the values below
  };
  /// An event's values: one a feature; one a feature where what lies below its first cut is the largest number, so that
  /// "at least the first cut and below another" is one comparison (all splits but those that missing values, the lowest
  /// raw value, pass with small ones); and one below all cuts, for leaves, whose `next` is 0.
  uint32_t features = 0;
  uint32_t values() const { return 2 * features + 1; }

  struct Tree {
    uint32_t root = 0;
    uint32_t depth = 0;   ///< most steps to a leaf
    uint32_t number = 0;  ///< in the forest
  };

  std::vector<Step> steps;
  std::vector<int32_t> first_cuts;  ///< per feature
  std::vector<Tree> trees;          ///< by depth
  /// Per feature: empty, or its cuts, where only its rank among them fits 32 bits.
  std::vector<std::vector<int64_t>> ranked;
  std::vector<Forest::Output> outputs;
  std::vector<std::vector<int64_t>> columns;
  size_t storage_bytes = 0;
  double cycles = 0;  ///< for an event, estimated
};

ForestWalk plan_walk(const Forest& forest, const CutForest& cuts, const std::vector<Range>& ranges);

/// Evaluates the first events of a block; arguments as those of `run_forest`.
void walk_forest(const ForestWalk& walk, const Slot* sources, const Slot* targets, std::byte* arena, std::byte* storage,
                 size_t events);

}  // namespace strobe::emulator
