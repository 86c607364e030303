#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/emulator/forest.h"
#include "kernels/emulator/plan.h"

namespace strobe::emulator {

struct CutForest;

/// A forest sliced over a block of events: a word has one bit for each of them. A binary search gives the bits of each
/// feature's rank among its cuts, and from them one word a cut, "x >= cut"; unions of intervals are exclusive ors of
/// such words. A tree is a list of choices between words, which gives the bits of the number of the leaf that each
/// event ends in; tables of bytes then turn numbers into values, which are summed over trees in 16 bits.
struct ForestSlices {
  /// Events a word.
  static constexpr size_t kEvents = 512;
  static constexpr size_t kWordBytes = kEvents / 8;
  /// Most bits of a leaf's number.
  static constexpr int kMostBits = 12;

  /// Words are named by their offset in bytes from the step's storage. The first is all zeros, the second all ones.
  using Word = uint32_t;

  struct Feature {
    uint32_t source = 0;  ///< among the step's
    Lane lane = Lane::k16;
    int bits = 0;  ///< of the rank: cuts < 2^bits
    uint32_t cuts = 0;
    uint32_t search = 0;  ///< into `search16`, `search32` or `search64`, by the lane: 2^bits cuts as a heap from 1 on
    Word first_word = 0;  ///< of its cuts, ascending
  };
  struct Union {
    std::vector<Word> cuts;
    Word target = 0;
  };
  struct Choice {
    Word chooser = 0, yes = 0, no = 0, target = 0;
  };
  /// What a tree adds: the entry of its leaf's number, less and more significant byte.
  struct Lookup {
    uint32_t first_plane = 0;  ///< into `planes`: the words of the number's bits, the lowest first
    int bits = 0;
    uint32_t low = 0, high = 0;  ///< into `tables`: 2^bits bytes each, at least 64
    bool has_high = false;
  };
  /// Lookups whose sum fits 16 bits without a sign, and the choices that they need first.
  struct Segment {
    uint32_t first_choice = 0, choices = 0;
    uint32_t first_lookup = 0, lookups = 0;
    uint32_t output = 0;
    int shift = 0;  ///< of the sum, before it is added to the output
  };

  std::vector<Feature> features;
  std::vector<int16_t> search16;
  std::vector<int32_t> search32;
  std::vector<int64_t> search64;
  std::vector<Union> unions;
  std::vector<Choice> choices;
  std::vector<Segment> segments;
  std::vector<Lookup> lookups;
  std::vector<Word> planes;
  std::vector<uint8_t> tables;
  std::vector<int64_t> bases;  ///< per output, with what the tables leave out
  size_t scratch = 0;          ///< where the words end
  size_t storage_bytes = 0;
  double cycles = 0;  ///< for an event of a large batch, estimated
};

/// False, and `slices` of no use, where a tree or a feature is too large, or an event would take `most_cycles` or more:
/// what a large forest would need is not worked out to its end. `ranges` are those of the forest's features.
bool plan_slices(const Forest& forest, const CutForest& cuts, const std::vector<Range>& ranges, double most_cycles,
                 ForestSlices& slices);

}  // namespace strobe::emulator
