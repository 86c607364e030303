#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// A decision forest on integers. Input: [features]. Every split is a *predicate*: its feature's raw value lies in a
/// union of closed intervals. So all conventions (<, <=, ==, category sets, where missing values go) are one thing
/// here, settled when the forest was quantised; equal predicates are stored once and shared by all trees.
///
/// Constants (whole numbers, fraction 0, unless a grid is named):
///   "predicate_feature" [P]       the input element that predicate p looks at
///   "predicate_begin"   [P + 1]   its intervals are begin[p] .. begin[p + 1] - 1
///   "interval_low", "interval_high" [R]  closed limits, raw values on that element's grid, ascending and disjoint
///   "node_predicate", "node_true", "node_false" [N]  a child c >= 0 is node c, c < 0 is leaf ~c; children come after
///                                 their parent; every node and leaf has exactly one parent or is a root
///   "tree_root"         [T]       like a child
///   "tree_output"       [T]       the output that a tree adds to; absent where leaves have a value per output
///   "leaf_value"        [L] or [L, outputs]  on the score's grid
///   "leaf_id"           [L]       the framework's number of the leaf within its tree
///   "base"              [outputs] what the sum starts from, on leaf_value's grid
///   "scale"             [1]       optional: the sum is multiplied by it (conifer's `norm`), then cast to the output
/// Attributes:
///   "result"     "scores" (default): output [outputs]; "leaves": output [T], the leaf_id that each tree ends in
///   "sum"        "exact" (default): one cast at the end; "file_order": starts at the base, a cast to "accumulator"
///                after every tree (conifer's C++ backend); "balanced": a tree of additions whose left part is the
///                largest power of two below the count, a cast to "accumulator" after each, the base added last
///                (conifer's HLS backend); "minimum", "maximum": over trees, base added
///   "accumulator" FixedType, for "file_order" and "balanced"
///   "score_error" optional, for people: how far a score is from the trained forest's, at most
extern const Layer kForestLayer;

/// A forest's size, for people.
struct ForestShape {
  int64_t trees = 0, nodes = 0, leaves = 0;
  int64_t depth = 0;        ///< comparisons on the longest way to a leaf
  int64_t predicates = 0;   ///< distinct questions
  int64_t comparators = 0;  ///< distinct comparisons with a constant that they are made of
};
ForestShape forest_shape(const model::Graph& graph, const model::Node& node);

}  // namespace strobe::layers
