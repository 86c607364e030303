#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/model/graph.h"

namespace strobe::testing {

/// A forest drawn at random: predicates of one or more intervals, trees of uneven depth, some of a single leaf.
class RandomForest {
 public:
  /// Predicates about elements of a tensor of that type, and `trees` trees of at most that depth; the second tree is a
  /// single leaf.
  RandomForest(uint64_t seed, model::TensorType input, int64_t trees, int depth);

  /// A node whose leaves are worth random values of type `leaf`: one for each output (`vectors`), or one for the output
  /// of its tree.
  model::Node node(const std::string& name, model::TensorId x, int64_t outputs, bool vectors,
                   const model::FixedType& leaf);

 private:
  int64_t between(int64_t a, int64_t b) { return std::uniform_int_distribution<int64_t>(a, b)(random_); }
  model::Constant values(const model::Shape& shape, const model::FixedType& type);
  void add_predicates(int64_t count);
  void grow(int depth, std::vector<int64_t>& column, int64_t at);

  std::mt19937_64 random_;
  model::TensorType input_;
  int depth_;
  int64_t leaves_ = 0;
  std::vector<int64_t> features_, begin_ = {0}, low_, high_, predicate_, true_, false_, roots_;
};

}  // namespace strobe::testing
