#pragma once

#include <cstdint>
#include <random>

#include "kernels/model/graph.h"

namespace strobe::testing {

struct ForestGraphOptions {
  int max_features = 12;
  int max_trees = 12;
  int max_leaves = 40;
  int max_width = 16;    ///< of a feature
  int score_width = 14;  ///< of a leaf's value
  int max_intervals = 1;
  bool thresholds = false;  ///< every split is one comparison, which missing values, the lowest, may pass either way
  int outputs = 3;
  bool vector_leaves = false;
  bool leaves = false;    ///< result "leaves"
  bool balanced = false;  ///< trees as even as can be, all of one depth
  const char* sum = "exact";
  int accumulator_width = 20;
  model::Overflow overflow = model::Overflow::kWrap;
};

/// A graph of one forest: trees of random shapes over predicates that they share, a score type that may wrap.
model::Graph forest_graph(uint64_t seed, const ForestGraphOptions& options);

}  // namespace strobe::testing
