#pragma once

#include <array>
#include <string>
#include <vector>

#include "kernels/emulator/rows.h"

namespace strobe::emulator {

/// Values that travel in one 32-bit word: four bytes or two 16-bit integers; kNoValue leaves a place empty.
struct Word {
  std::array<ValueId, 4> parts = {kNoValue, kNoValue, kNoValue, kNoValue};
  bool bytes = false;
  bool operator<(const Word& o) const { return std::tie(bytes, parts) < std::tie(o.bytes, o.parts); }
};

/// Rows that are computed together as products of packed words.
struct DotTile {
  std::vector<int32_t> rows;
  std::vector<Word> words;
  bool bytes = false;
};

/// What one layer's sums are computed with, and what that was counted to cost.
struct Method {
  model::NodeId node = -1;
  size_t sums = 0, products = 0;
  double row_cycles = 0, pair_cycles = 0, byte_cycles = 0;  ///< for 32 events of 512-bit registers; 0: not possible
  std::string chosen;
};

struct Dots {
  std::vector<DotTile> tiles;
  std::vector<int32_t> tile_of;  ///< per row: its tile, or -1
  std::vector<Method> methods;
};

/// Chooses for each layer's sums between rows of single products and tiles of packed products, by counted cost.
/// `has_byte_products`: the processor multiplies bytes and sums four at once.
Dots choose_dots(const IntegerGraph& graph, const Rows& rows, bool has_byte_products);

}  // namespace strobe::emulator
