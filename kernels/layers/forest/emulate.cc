#include "absl/strings/str_cat.h"
#include "kernels/emulator/program_builder.h"
#include "kernels/layers/forest/forest.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

using emulator::ProgramBuilder;
using emulator::Term;
using emulator::ValueId;
using model::Constant;
using model::Graph;
using model::Node;

/// 1 where each predicate holds, else 0.
std::vector<ValueId> predicate_bits(const Graph& graph, const Node& node, ProgramBuilder& builder) {
  const auto x = builder.tensor(node.inputs[0]);
  const auto& type = graph.tensor(node.inputs[0]).type;
  const auto& features = node.constant("predicate_feature")->raw;
  const auto& begin = node.constant("predicate_begin")->raw;
  const ValueId zero = builder.constant(0), one = builder.constant(1);
  std::vector<ValueId> bits;
  for (size_t p = 0; p < features.size(); ++p) {
    const int fraction = type.at(features[p]).fraction();
    const ValueId value = x[features[p]];
    ValueId bit = zero;
    for (int64_t i = begin[p]; i < begin[p + 1]; ++i) {
      const ValueId low = builder.constant(node.constant("interval_low")->raw[i], fraction);
      const ValueId high = builder.constant(node.constant("interval_high")->raw[i], fraction);
      const ValueId below = builder.select(high, value, one, zero);
      bit = builder.maximum(bit, builder.select(value, low, below, zero));
    }
    bits.push_back(bit);
  }
  return bits;
}

/// What each tree answers where leaf l stands for `value_of(l)`.
template <typename ValueOf>
std::vector<ValueId> tree_values(const Node& node, ProgramBuilder& builder, const std::vector<ValueId>& bits,
                                 ValueOf value_of) {
  const auto& predicate = node.constant("node_predicate")->raw;
  const auto& on_true = node.constant("node_true")->raw;
  const auto& on_false = node.constant("node_false")->raw;
  const ValueId one = builder.constant(1);
  std::vector<ValueId> values(predicate.size());
  const auto child = [&](int64_t c) { return c >= 0 ? values[c] : value_of(~c); };
  for (size_t n = predicate.size(); n-- > 0;) {
    values[n] = builder.select(bits[predicate[n]], one, child(on_true[n]), child(on_false[n]));
  }
  std::vector<ValueId> trees;
  for (const int64_t root : node.constant("tree_root")->raw) trees.push_back(child(root));
  return trees;
}

/// Pairs of neighbours are added level by level: the same tree as one whose left part is the largest power of two
/// below the count.
ValueId balanced_sum(std::vector<ValueId> values, const model::FixedType& accumulator, ProgramBuilder& builder) {
  while (values.size() > 1) {
    std::vector<ValueId> next;
    for (size_t i = 0; i + 1 < values.size(); i += 2) {
      next.push_back(builder.cast(builder.add(values[i], values[i + 1]), accumulator));
    }
    if (values.size() % 2 == 1) next.push_back(values.back());
    values = std::move(next);
  }
  return values.empty() ? builder.constant(0) : values[0];
}

ValueId aggregate(const Node& node, const std::vector<ValueId>& scores, ValueId base, ProgramBuilder& builder) {
  const std::string sum = node.text("sum", "exact");
  if (sum == "exact") {
    std::vector<Term> terms = {builder.term(base, 1, 0)};
    for (const ValueId score : scores) terms.push_back(builder.term(score, 1, 0));
    return builder.linear(terms);
  }
  if (sum == "minimum" || sum == "maximum") {
    ValueId extreme = scores[0];
    for (const ValueId score : scores) {
      extreme = sum == "minimum" ? builder.minimum(extreme, score) : builder.maximum(extreme, score);
    }
    return builder.add(extreme, base);
  }
  const model::FixedType accumulator = *node.type("accumulator");
  if (sum == "balanced") {
    return builder.cast(builder.add(balanced_sum(scores, accumulator, builder), base), accumulator);
  }
  ValueId total = builder.cast(base, accumulator);
  for (const ValueId score : scores) total = builder.cast(builder.add(total, score), accumulator);
  return total;
}

}  // namespace

absl::Status emulate_forest(const Graph& graph, const Node& node, ProgramBuilder& builder) {
  const auto& out = graph.tensor(node.outputs[0]).type;
  const std::vector<ValueId> bits = predicate_bits(graph, node, builder);
  std::vector<ValueId> results;
  if (node.text("result") == "leaves") {
    const auto ids = tree_values(node, builder, bits,
                                 [&](int64_t leaf) { return builder.constant(*node.constant("leaf_id"), leaf); });
    for (size_t t = 0; t < ids.size(); ++t) results.push_back(builder.cast(ids[t], out.at(t)));
    builder.define(node.outputs[0], std::move(results));
    return absl::OkStatus();
  }
  const Constant* tree_output = node.constant("tree_output");
  const Constant& leaf_value = *node.constant("leaf_value");
  const int fraction = leaf_value.type.types[0].fraction();
  std::vector<std::vector<ValueId>> scores(out.elements());
  for (int64_t k = 0; k < (tree_output ? 1 : out.elements()); ++k) {
    const auto values = tree_values(node, builder, bits, [&](int64_t leaf) {
      return builder.constant(leaf_value.raw[tree_output ? leaf : leaf * out.elements() + k], fraction);
    });
    for (size_t t = 0; t < values.size(); ++t) scores[tree_output ? tree_output->raw[t] : k].push_back(values[t]);
  }
  for (int64_t k = 0; k < out.elements(); ++k) {
    ValueId score = aggregate(node, scores[k], builder.constant(*node.constant("base"), k), builder);
    if (const Constant* scale = node.constant("scale")) {
      score = builder.linear(std::vector<Term>{builder.term(score, *scale, 0)});
    }
    results.push_back(builder.cast(score, out.at(k)));
  }
  builder.define(node.outputs[0], std::move(results));
  return absl::OkStatus();
}

}  // namespace strobe::layers
