#include "tests/kernels/emulator/random_forest.h"

#include <algorithm>

namespace strobe::testing {
namespace {

using model::FixedType;

model::Constant whole_numbers(std::vector<int64_t> values) {
  const auto size = static_cast<int64_t>(values.size());
  return {{{size}, {FixedType::fixed(64, 64)}}, std::move(values)};
}

}  // namespace

RandomForest::RandomForest(uint64_t seed, model::TensorType input, int64_t trees, int depth)
    : random_(seed), input_(std::move(input)), depth_(depth) {
  add_predicates(24);
  for (int64_t t = 0; t < trees; ++t) grow(t == 1 ? 0 : depth_, roots_, t);
}

model::Constant RandomForest::values(const model::Shape& shape, const FixedType& type) {
  model::Constant constant{{shape, {type}}, {}};
  for (int64_t e = 0; e < constant.type.elements(); ++e)
    constant.raw.push_back(between(static_cast<int64_t>(type.min_raw()), static_cast<int64_t>(type.max_raw())));
  return constant;
}

model::Node RandomForest::node(const std::string& name, model::TensorId x, int64_t outputs, bool vectors,
                               const FixedType& leaf) {
  model::Node node{name, "forest", {x}, {}, {}, {}};
  node.constants["predicate_feature"] = whole_numbers(features_);
  node.constants["predicate_begin"] = whole_numbers(begin_);
  node.constants["interval_low"] = whole_numbers(low_);
  node.constants["interval_high"] = whole_numbers(high_);
  node.constants["node_predicate"] = whole_numbers(predicate_);
  node.constants["node_true"] = whole_numbers(true_);
  node.constants["node_false"] = whole_numbers(false_);
  node.constants["tree_root"] = whole_numbers(roots_);
  std::vector<int64_t> ids, tree_output;
  for (int64_t l = 0; l < leaves_; ++l) ids.push_back(1000 - 3 * l);
  for (size_t t = 0; t < roots_.size(); ++t) tree_output.push_back(between(0, outputs - 1));
  node.constants["leaf_id"] = whole_numbers(ids);
  if (!vectors) node.constants["tree_output"] = whole_numbers(tree_output);
  const model::Shape shape = vectors ? model::Shape{leaves_, outputs} : model::Shape{leaves_};
  node.constants["leaf_value"] = values(shape, leaf);
  node.constants["base"] = values({outputs}, leaf);
  return node;
}

void RandomForest::add_predicates(int64_t count) {
  for (int64_t p = 0; p < count; ++p) {
    const int64_t feature = between(0, input_.elements() - 1);
    const FixedType& type = input_.at(feature);
    const auto high = static_cast<int64_t>(type.max_raw());
    const int64_t low = type.is_signed ? -high - 1 : 0;
    features_.push_back(feature);
    const int64_t middle = between(low, high);
    const bool both = p % 3 == 0 && middle > low && middle < high;
    low_.push_back(p % 4 == 1 ? middle : low);
    high_.push_back(p % 4 == 1 ? high : both ? between(low, middle - 1) : middle);
    if (both && p % 4 != 1) {
      low_.push_back(between(middle + 1, high));
      high_.push_back(high);
    }
    begin_.push_back(static_cast<int64_t>(low_.size()));
  }
}

void RandomForest::grow(int depth, std::vector<int64_t>& column, int64_t at) {
  column.resize(std::max<size_t>(column.size(), static_cast<size_t>(at) + 1));
  if (depth == 0 || (depth < depth_ && between(0, 5) == 0)) {
    column[at] = ~leaves_++;
    return;
  }
  const auto id = static_cast<int64_t>(predicate_.size());
  column[at] = id;
  predicate_.push_back(between(0, static_cast<int64_t>(features_.size()) - 1));
  true_.push_back(0);
  false_.push_back(0);
  grow(depth - 1, true_, id);
  grow(depth - 1, false_, id);
}

}  // namespace strobe::testing
