#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/import/forest.h"
#include "kernels/model/graph.h"
#include "kernels/model/intervals.h"

namespace strobe::quantise {

using model::Interval;
using model::Intervals;

/// The raw values of one input element, and the numbers that they stand for.
class RawGrid {
 public:
  RawGrid(const model::FixedType& type, const model::InputEncoding& encoding);

  int64_t low() const { return low_; }  ///< of numbers; the missing value is beside them
  int64_t high() const { return high_; }
  std::optional<int64_t> missing() const { return missing_; }
  /// The first raw value whose number is >= t; high() + 1 where there is none, at least low().
  int64_t at_least(double t) const;
  /// The first raw value whose number is > t.
  int64_t above(double t) const;
  /// All that is not in the set, the missing value included.
  Intervals complement(const Intervals& set) const;

 private:
  int64_t first(double t, bool equal_counts) const;

  bool ordered_floats_;
  int fraction_;
  int64_t low_, high_;
  std::optional<int64_t> missing_;
};

/// The raw values for which a split answers "true": the same events as in floating point, as far as they are on the
/// grid. At a split that knows no missing values, in a forest that does elsewhere, one counts as 0: only LightGBM
/// writes such forests, and does so. `threshold` is the node's, or what a configuration made of it.
Intervals true_set(const import::ForestNode& node, double threshold, const std::vector<int64_t>* categories,
                   const RawGrid& grid);

/// The forest's distinct predicates. A set and its complement are one: its reader swaps the children.
class Predicates {
 public:
  struct Answer {
    std::optional<bool> always;  ///< the split asks nothing: its answer
    int64_t id = 0;              ///< of the predicate; as numbered by `finish`
    bool swapped = false;
  };
  Answer add(int64_t feature, const Intervals& set, const RawGrid& grid);

  /// A predicate although its answer may not matter; returns its id.
  int64_t idle(int64_t feature, const Intervals& set);

  /// Orders predicates by feature and interval, and writes them into the node's constants. Returns the final number of
  /// each id.
  std::vector<int64_t> finish(model::Node& node) const;

 private:
  std::map<std::pair<int64_t, Intervals>, int64_t> known_;
};

/// Whole numbers as a constant of a fitting type.
model::Constant whole_numbers(std::vector<int64_t> values);

}  // namespace strobe::quantise
