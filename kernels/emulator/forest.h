#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/emulator/range.h"
#include "kernels/model/intervals.h"

namespace strobe::emulator {

/// Decision trees on integers, as layers hand them to the emulator: every output is the exact sum of one value for each
/// of its trees. What is done to a sum, and sums in which every step is cast, are ordinary operations behind it.
struct Forest {
  /// Holds where the feature is within one of the intervals, which are on its grid and may touch.
  struct Predicate {
    int32_t feature = 0;
    model::Intervals intervals;
  };
  /// A child c >= 0 is node c, c < 0 is leaf ~c; children come after their parent.
  struct Node {
    int32_t predicate = 0, yes = 0, no = 0;
  };
  /// What a tree adds to an output: `columns[column][leaf]`.
  struct Part {
    int32_t tree = 0, column = 0;
  };
  struct Output {
    int64_t base = 0;
    std::vector<Part> parts;
  };

  std::vector<Predicate> predicates;
  std::vector<Node> nodes;
  std::vector<int32_t> roots;                 ///< per tree, like a child
  std::vector<std::vector<int64_t>> columns;  ///< a value for each leaf of the forest
  std::vector<Output> outputs;

  bool holds(int32_t predicate, Wide value) const {
    for (const model::Interval& i : predicates[predicate].intervals) {
      if (i.low <= value && value <= i.high) return true;
    }
    return false;
  }

  /// The leaf that a tree ends in; `value_of(feature)` is that feature's integer.
  template <class ValueOf>
  int32_t leaf_of(int32_t tree, ValueOf value_of) const {
    int32_t at = roots[tree];
    while (at >= 0) {
      const Node& n = nodes[at];
      at = holds(n.predicate, value_of(predicates[n.predicate].feature)) ? n.yes : n.no;
    }
    return ~at;
  }

  /// The leaves below a child, in the order no before yes.
  std::vector<int32_t> leaves_below(int32_t child) const;
  /// All values that an output can have.
  Range range_of(const Output& output) const;
};

}  // namespace strobe::emulator
