#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "host/scouting/generate/random.h"

namespace strobe::scouting {

/// Draws integers by weight in constant time (the alias method of Walker and Vose). Construction uses +, -, *, / only,
/// so that every machine draws the same.
class Discrete {
 public:
  Discrete() = default;
  /// `weights[i]` belongs to `lowest + i`; none negative, at least one positive, at most 65536 of them.
  Discrete(int32_t lowest, std::span<const double> weights);
  int32_t draw(Random& random) const {
    const uint64_t bits = random.next();
    const uint64_t column = ((bits >> 32) * columns_.size()) >> 32;
    const Column& at = columns_[column];
    return lowest_ + static_cast<int32_t>(static_cast<uint32_t>(bits) < at.own ? column : at.other);
  }

 private:
  struct Column {
    uint32_t own;    ///< share of the column that is its own number's, of 2^32
    uint32_t other;  ///< whose the rest is
  };
  int32_t lowest_ = 0;
  std::vector<Column> columns_;
};

/// A Poisson distribution, all beyond `most` taken as `most`. `mean` is 0 to 500.
Discrete poisson(double mean, uint32_t most);

}  // namespace strobe::scouting
