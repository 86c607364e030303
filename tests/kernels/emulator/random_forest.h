#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/model/graph.h"

namespace strobe::testing {

/// The columns that a forest's node is made of.
struct ForestColumns {
  std::vector<int64_t> features, begin = {0}, low, high;  ///< predicates
  std::vector<int64_t> predicate, yes, no, roots, ids;

  void add_interval(int64_t from, int64_t to);
  /// A predicate on that feature of the intervals added since the last one.
  void add_predicate(int64_t feature);
  /// A split whose branches are still to be set; its number.
  int64_t add_split(int64_t which);
  /// What a branch or root says that leads to a new leaf.
  int64_t add_leaf(int64_t id);
  void store(model::Node& node) const;
};

model::Constant whole_numbers(std::vector<int64_t> values);

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
  int64_t grow(int depth);

  std::mt19937_64 random_;
  model::TensorType input_;
  int depth_;
  ForestColumns columns_;
};

}  // namespace strobe::testing
