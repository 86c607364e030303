#include "tests/kernels/emulator/random_forest.h"

namespace strobe::testing {

using model::FixedType;

void ForestColumns::add_interval(int64_t from, int64_t to) {
  low.push_back(from);
  high.push_back(to);
}

void ForestColumns::add_predicate(int64_t feature) {
  features.push_back(feature);
  begin.push_back(static_cast<int64_t>(low.size()));
}

int64_t ForestColumns::add_split(int64_t which) {
  predicate.push_back(which);
  yes.push_back(0);
  no.push_back(0);
  return static_cast<int64_t>(predicate.size()) - 1;
}

int64_t ForestColumns::add_leaf(int64_t id) {
  ids.push_back(id);
  return ~(static_cast<int64_t>(ids.size()) - 1);
}

void ForestColumns::store(model::Node& node) const {
  node.constants["predicate_feature"] = whole_numbers(features);
  node.constants["predicate_begin"] = whole_numbers(begin);
  node.constants["interval_low"] = whole_numbers(low);
  node.constants["interval_high"] = whole_numbers(high);
  node.constants["node_predicate"] = whole_numbers(predicate);
  node.constants["node_true"] = whole_numbers(yes);
  node.constants["node_false"] = whole_numbers(no);
  node.constants["tree_root"] = whole_numbers(roots);
  node.constants["leaf_id"] = whole_numbers(ids);
}

model::Constant whole_numbers(std::vector<int64_t> values) {
  const auto size = static_cast<int64_t>(values.size());
  return {{{size}, {FixedType::fixed(64, 64)}}, std::move(values)};
}

RandomForest::RandomForest(uint64_t seed, model::TensorType input, int64_t trees, int depth)
    : random_(seed), input_(std::move(input)), depth_(depth) {
  add_predicates(24);
  for (int64_t t = 0; t < trees; ++t) columns_.roots.push_back(grow(t == 1 ? 0 : depth_));
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
  columns_.store(node);
  std::vector<int64_t> tree_output;
  for (size_t t = 0; t < columns_.roots.size(); ++t) tree_output.push_back(between(0, outputs - 1));
  if (!vectors) node.constants["tree_output"] = whole_numbers(tree_output);
  const auto leaves = static_cast<int64_t>(columns_.ids.size());
  const model::Shape shape = vectors ? model::Shape{leaves, outputs} : model::Shape{leaves};
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
    const int64_t middle = between(low, high);
    const bool upper = p % 4 == 1, both = !upper && p % 3 == 0 && middle > low && middle < high;
    if (both) {
      columns_.add_interval(low, between(low, middle - 1));
      columns_.add_interval(between(middle + 1, high), high);
    } else {
      columns_.add_interval(upper ? middle : low, upper ? high : middle);
    }
    columns_.add_predicate(feature);
  }
}

/// What a branch or root says that leads to a tree of at most that depth.
int64_t RandomForest::grow(int depth) {
  if (depth == 0 || (depth < depth_ && between(0, 5) == 0))
    return columns_.add_leaf(1000 - 3 * static_cast<int64_t>(columns_.ids.size()));
  const auto at =
      static_cast<size_t>(columns_.add_split(between(0, static_cast<int64_t>(columns_.features.size()) - 1)));
  const int64_t yes = grow(depth - 1);
  columns_.yes[at] = yes;
  const int64_t no = grow(depth - 1);
  columns_.no[at] = no;
  return static_cast<int64_t>(at);
}

}  // namespace strobe::testing
