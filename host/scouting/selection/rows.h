#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "host/scouting/selection/objects.h"
#include "host/scouting/selection/selection.h"

/// Which crossings become which rows: the union of the sources' crossings, and the crossings around the orbit.
namespace strobe::scouting::selection {

/// How far windows reach.
struct Reach {
  uint32_t first_crossing = 0;
  int32_t before = 0, after = 0;
  bool any() const { return before > 0 || after > 0; }
};

/// Rows of an orbit: those of its crossings; then, where windows are used, one that stays empty, `before` for the last
/// crossings of the orbit before, and `after` for the first ones of the orbit behind.
class Rows {
 public:
  /// The union of the parts' crossings goes to `crossings`.
  void build(const OrbitView& orbit, const Reach& reach, Buffer<uint16_t>& crossings);

  size_t count() const { return count_; }
  size_t with_neighbours(const Reach& reach) const {
    return count_ + (reach.any() ? 1 + static_cast<size_t>(reach.before + reach.after) : 0);
  }
  /// Of the current orbit's part.
  RowRange range(const OrbitView& orbit, size_t part) const;
  /// Of a part of the orbit before (`offset` -1) or behind (1); `map` holds the rows.
  RowRange neighbour_range(const SourceOrbit& part, int offset, const Reach& reach, Buffer<int32_t>& map) const;

  /// For each row the row of the crossing `shift` later.
  void neighbours(std::span<const uint16_t> crossings, const Reach& reach, int32_t shift, uint32_t* to) const;

 private:
  size_t count_ = 0;
  bool one_part_ = false;
  Buffer<int32_t> row_of_;  ///< by crossing number; the empty row where there is none
  std::vector<Buffer<int32_t>> maps_;
};

/// A crossing's place in the succession of crossings, and back.
struct Time {
  int32_t orbit;     ///< -1, 0 or 1: before, the current one, behind
  int32_t crossing;  ///< number
};
Time shifted(uint16_t crossing, int32_t shift, uint32_t first_crossing);

}  // namespace strobe::scouting::selection
