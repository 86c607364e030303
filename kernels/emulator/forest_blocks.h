#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/emulator/forest.h"
#include "kernels/emulator/plan.h"

namespace strobe::emulator {

struct CutForest;

/// A forest as blocks of up to 31 splits of a tree that belong together, whatever their shape: all splits of a block
/// are compared at once, and doubling the stride of the way from split to split finds the one exit of up to 32 that the
/// event takes: a leaf or another block.
struct ForestBlocks {
  static constexpr int kSplits = 31;
  /// Places of a block: its splits, from the root on; places from kSplits + 1 on are its exits.
  static constexpr int kPlaces = 32;
  /// Room for an event's values: four vectors of 64 bytes, that lookups choose from.
  static constexpr size_t kValueBytes = 256;

  /// Splits on values of T, int16_t or int32_t. Exits are the leaves, then the blocks, both numbered in their order.
  template <class T>
  struct alignas(64) Block {
    T cuts[kPlaces] = {};
    uint16_t next[kPlaces] = {};   ///< the place for value < cut; in the upper byte that for value >= cut
    uint8_t values[kPlaces] = {};  ///< which of the values each split compares
    int32_t leaves = 0;            ///< exits that are leaves
    int32_t first_leaf = 0;        ///< the leaf number of exit 0
    int32_t first_block = 0;       ///< the block of exit 0, were it one
  };
  /// A feature; or one whose values below `first_cut` count as the largest, for splits that pass missing values, the
  /// lowest, with large ones.
  struct Value {
    uint32_t feature = 0;
    int32_t first_cut = 0;
  };
  /// Trees that need as many blocks one after the other, and as many doublings a block.
  struct Group {
    int stages = 0, doublings = 0;
    uint32_t end = 0;  ///< first of the next group's trees
  };
  /// What a tree adds to an output: entry `first` + its leaf's number of `leaf_values`.
  struct Part {
    uint32_t tree = 0, first = 0;
  };
  struct Output {
    int64_t base = 0;
    std::vector<Part> parts;
  };

  Lane lane = Lane::k16;  ///< of the values: k16 or k32
  std::vector<Value> values;
  std::vector<Block<int16_t>> blocks16;
  std::vector<Block<int32_t>> blocks32;
  std::vector<uint32_t> roots;  ///< per tree, in an order of their own
  std::vector<Group> groups;
  std::vector<Output> outputs;
  std::vector<int64_t> leaf_values;
  size_t storage_bytes = 0;
  double cycles = 0;  ///< for an event, estimated
};

/// False where the values do not fit vectors of 16 or 32 bits, or a split is more than one comparison.
bool plan_blocks(const Forest& forest, const CutForest& cuts, const std::vector<Range>& ranges, ForestBlocks& blocks);

}  // namespace strobe::emulator
