#pragma once

#include <cstdint>
#include <vector>

#include "kernels/emulator/forest.h"

namespace strobe::emulator {

/// A forest over cuts: a predicate holds where an odd number of its cuts are at most the feature's value. So intervals
/// become two cuts each, conventions that differ only in who is "yes" become the same predicate, and what the feature's
/// range decides is gone.
struct CutForest {
  struct Predicate {
    int32_t feature = 0;
    std::vector<int32_t> cuts;  ///< ascending numbers of the feature's cuts
    bool operator<(const Predicate& o) const { return feature != o.feature ? feature < o.feature : cuts < o.cuts; }
  };
  /// A child c >= 0 is node c of the same tree, c < 0 is the tree's leaf ~c.
  struct Node {
    int32_t predicate = 0, yes = 0, no = 0;
  };
  /// The root is node 0, or leaf 0 where there is no node. Children come after their parent.
  struct Tree {
    std::vector<Node> nodes;
    std::vector<int32_t> leaves;  ///< those that can be reached: their numbers in the forest
  };

  std::vector<std::vector<int64_t>> cuts;  ///< per feature, ascending: x >= cut
  std::vector<Predicate> predicates;
  std::vector<Tree> trees;
};

CutForest cut_forest(const Forest& forest, const std::vector<Range>& ranges);

/// Number of each leaf of a tree, chosen so that its bits cost few choices. A bit that is not cared for may be either.
struct LeafNumbers {
  struct Number {
    uint32_t value = 0, care = 0;
  };
  int bits = 0;
  std::vector<Number> numbers;  ///< per leaf of the tree
  size_t choices = 0;           ///< between words, for all bits
};

/// Numbers of `bits` bits; the tree has at most 2^bits leaves and at least two.
LeafNumbers number_leaves(const CutForest::Tree& tree, int bits);

}  // namespace strobe::emulator
