#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/model/fixed_type.h"

namespace strobe::emulator {

struct ForestPlan;

/// Integers that hold an event's value in a slot, or in which a step computes.
enum class Lane : uint8_t { k16, k32, k64, k128 };

inline constexpr int lane_bytes(Lane lane) { return 2 << static_cast<int>(lane); }
inline constexpr int lane_bits(Lane lane) { return 8 * lane_bytes(lane); }

/// Events a block: slots hold that many values each. Chosen for each program so that its slots stay in the second-level
/// cache; blocks that fit the first level were measured slower, since every step is then begun more often.
inline constexpr size_t kSmallestBlock = 128;
inline constexpr size_t kLargestBlock = 256;
inline constexpr size_t kCacheBytes = 128 * 1024;

/// What a scalar step reads or writes.
struct Slot {
  uint32_t offset = 0;  ///< bytes into the arena
  Lane lane = Lane::k16;
};

/// What happens to a sum before it is stored, in this order; everything off by default.
struct Epilogue {
  enum Clip : uint8_t { kNone, kLow, kHigh, kBoth, kZeroOutside };

  uint8_t first_wrap = 0;  ///< bits, 0: none
  bool first_wrap_signed = false;
  model::Rounding rounding = model::Rounding::kTrn;
  uint8_t shift = 0;
  Clip clip = kNone;
  uint8_t wrap = 0;
  bool wrap_signed = false;
  int64_t low = 0, high = 0;
};

/// Where a result goes.
using Target = Slot;

struct PlanTerm {
  enum Kind : uint8_t { kProduct, kPlus, kMinus, kTruncated };

  uint32_t offset = 0;
  Kind kind = kProduct;
  uint8_t shift = 0;   ///< of truncated products
  int64_t weight = 0;  ///< repeated to 64 bits in the row's lanes
};

/// out = epilogue(bias + sum of weight * slot) in lanes of `lane`. Terms come by the lanes of their slots: `count[l]`
/// of lane l.
struct RowStep {
  uint32_t first_term = 0;
  uint32_t count[3] = {0, 0, 0};
  Lane lane = Lane::k16;
  int64_t bias = 0;
  Epilogue epilogue;
  Target target;
};

/// Up to kTile rows that share their operands: packed words of four bytes (unsigned by signed) or two 16-bit integers,
/// multiplied with packed weights and summed in 32 bits.
struct DotStep {
  static constexpr int kTile = 4;
  uint32_t first_source = 0;  ///< offsets of the words' slots
  uint32_t first_weight = 0;  ///< sources x rows words
  uint32_t sources = 0;
  uint8_t rows = 0;
  bool bytes = false;  ///< four bytes a word, else two 16-bit integers
  bool stores = true;  ///< each result in lanes of its own
  int32_t bias[kTile] = {};
  Epilogue epilogue[kTile];
  Target target[kTile];
  uint32_t word = kNoWord;  ///< slot of the four results side by side as bytes
  int32_t word_bias = 0;    ///< added to that word: 128 in the places of signed bytes

  static constexpr uint32_t kNoWord = ~uint32_t{0};
};

/// word = the low bits of up to four slots side by side.
struct PackStep {
  uint8_t parts = 0;  ///< 1, 2 or 4
  uint8_t flip = 0;   ///< per byte part: added 128, so that a signed byte becomes an unsigned one
  Slot source[4];
  bool present[4] = {};
  uint8_t left[4] = {};    ///< shift of each part before it is cut
  bool high_half = false;  ///< of a 64-bit part: its upper word
  uint32_t target = 0;
};

/// A field of a word, extended to a lane.
struct UnpackStep {
  uint32_t source = 0;
  uint32_t source_high = 0;  ///< the upper word of a 64-bit field
  uint8_t bit = 0;           ///< the lowest
  uint8_t width = 0;
  bool is_signed = false;
  bool wide = false;  ///< 64-bit container
  Target target;
};

struct LookupStep {
  Slot index;
  int64_t bias = 0;
  uint32_t table = 0;  ///< bytes into the program's tables; entries in the target's lane
  Target target;
};

struct BinaryStep {
  enum Kind : uint8_t { kMaximum, kMinimum, kProduct, kSelect };
  Kind kind = kMaximum;
  Lane lane = Lane::k16;
  Slot source[4];
  Epilogue epilogue;
  Target target;
};

/// Anything else, one event after the other: node `node` of the integer graph.
struct ScalarStep {
  int32_t node = 0;
  uint32_t first_slot = 0;  ///< operands in the order a, b, c, d or of the terms
  uint32_t slots = 0;
  Slot target;
};

/// All outputs of a forest.
struct ForestStep {
  std::shared_ptr<const ForestPlan> plan;
  std::vector<Slot> sources, targets;  ///< a target that nothing needs has the offset kUnusedWord
};

struct Step {
  enum Kind : uint8_t { kRow, kDot, kPack, kUnpack, kLookup, kBinary, kScalar, kForest };
  Kind kind = kRow;
  uint32_t index = 0;
};

/// How rows of a tensor travel between the caller's memory and word slots.
struct RowLayout {
  uint32_t row_bytes = 0;
  std::vector<uint32_t> words;  ///< slot of each 32-bit word of a row; kUnusedWord: not needed
};
inline constexpr uint32_t kUnusedWord = ~uint32_t{0};

/// What the kernels execute for each block: words of the inputs, steps, words of the outputs.
struct Program {
  std::vector<RowLayout> inputs, outputs;
  std::vector<Step> steps;
  std::vector<RowStep> rows;
  std::vector<PlanTerm> terms;
  std::vector<DotStep> dots;
  std::vector<uint32_t> dot_sources;
  std::vector<int32_t> dot_weights;
  std::vector<PackStep> packs;
  std::vector<UnpackStep> unpacks;
  std::vector<LookupStep> lookups;
  std::vector<BinaryStep> binaries;
  std::vector<ScalarStep> scalars;
  std::vector<ForestStep> forests;
  std::vector<Slot> scalar_slots;
  std::vector<std::byte> tables;
  size_t block = kSmallestBlock;
  uint32_t arena_bytes = 0;
  uint32_t forest_storage = 0;  ///< where the forests' storage begins in the arena
};

}  // namespace strobe::emulator
