#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernels/emulator/program_builder.h"
#include "kernels/layers/forest/forest.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

using emulator::Forest;
using emulator::ProgramBuilder;
using emulator::Term;
using emulator::ValueId;
using model::Constant;
using model::Graph;
using model::Node;

/// Predicates and trees of the node, without values and outputs.
Forest trees_of(const Node& node) {
  const auto raw = [&](const char* name) -> const std::vector<int64_t>& { return node.constant(name)->raw; };
  const auto small = [](int64_t value) { return static_cast<int32_t>(value); };
  Forest forest;
  for (size_t p = 0; p < raw("predicate_feature").size(); ++p) {
    Forest::Predicate predicate{.feature = small(raw("predicate_feature")[p])};
    for (int64_t i = raw("predicate_begin")[p]; i < raw("predicate_begin")[p + 1]; ++i) {
      predicate.intervals.push_back({raw("interval_low")[i], raw("interval_high")[i]});
    }
    forest.predicates.push_back(std::move(predicate));
  }
  for (size_t n = 0; n < raw("node_predicate").size(); ++n) {
    forest.nodes.push_back({small(raw("node_predicate")[n]), small(raw("node_true")[n]), small(raw("node_false")[n])});
  }
  for (const int64_t root : raw("tree_root")) forest.roots.push_back(small(root));
  return forest;
}

/// What the trees add to each output, which may be nothing.
std::vector<std::vector<Forest::Part>> parts_of(const Node& node, int64_t outputs) {
  std::vector<std::vector<Forest::Part>> parts(outputs);
  const Constant* tree_output = node.constant("tree_output");
  const auto trees = static_cast<int32_t>(node.constant("tree_root")->raw.size());
  for (int32_t t = 0; t < trees; ++t) {
    if (tree_output != nullptr) {
      parts[tree_output->raw[t]].push_back({t, 0});
      continue;
    }
    for (int32_t k = 0; k < static_cast<int32_t>(outputs); ++k) parts[k].push_back({t, k});
  }
  return parts;
}

std::vector<std::vector<int64_t>> columns_of(const Node& node, int64_t outputs) {
  const std::vector<int64_t>& values = node.constant("leaf_value")->raw;
  if (node.constant("tree_output") != nullptr) return {values};
  std::vector<std::vector<int64_t>> columns(outputs);
  for (size_t i = 0; i < values.size(); ++i) columns[i % outputs].push_back(values[i]);
  return columns;
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

/// No cast on the way to a sum changes a value, in whatever order: the accumulator holds the leaves' grid and all that
/// the positive and the negative values of the trees can come to.
bool never_changed(const Forest& forest, const Forest::Output& output, int fraction, const model::FixedType& type) {
  const int finer = type.fraction() - fraction;
  if (finer < 0 || finer > 60) return false;
  emulator::Range reach = {std::min<int64_t>(output.base, 0), std::max<int64_t>(output.base, 0)};
  for (const Forest::Part& part : output.parts) {
    const emulator::Range one = forest.range_of({0, {part}});
    reach = {reach.low + std::min<emulator::Wide>(one.low, 0), reach.high + std::max<emulator::Wide>(one.high, 0)};
  }
  return type.min_raw() <= reach.low * (emulator::Wide{1} << finer) &&
         reach.high * (emulator::Wide{1} << finer) <= type.max_raw();
}

/// The forest itself can give the sums: they need 64 bits at most, and no step of them changes a value.
bool sums_directly(const Node& node, const Forest& forest, int fraction) {
  const std::string sum = node.text("sum", "exact");
  if (sum == "minimum" || sum == "maximum") return false;
  return std::all_of(forest.outputs.begin(), forest.outputs.end(), [&](const Forest::Output& output) {
    if (emulator::signed_bits(forest.range_of(output)) > 64) return false;
    return sum == "exact" || never_changed(forest, output, fraction, *node.type("accumulator"));
  });
}

/// The sums of all outputs: by the forest where it can, else tree by tree from what each tree adds.
std::vector<ValueId> scores_of(const Node& node, std::span<const ValueId> x, int64_t outputs, ProgramBuilder& builder) {
  const int fraction = node.constant("leaf_value")->type.types[0].fraction();
  const std::vector<int64_t>& base = node.constant("base")->raw;
  const std::vector<std::vector<Forest::Part>> parts = parts_of(node, outputs);
  Forest forest = trees_of(node);
  forest.columns = columns_of(node, outputs);
  for (int64_t k = 0; k < outputs; ++k) forest.outputs.push_back({base[k], parts[k]});
  if (sums_directly(node, forest, fraction)) return builder.forest(x, std::move(forest), fraction);

  forest.outputs.clear();
  for (const auto& of_output : parts) {
    for (const Forest::Part& part : of_output) forest.outputs.push_back({0, {part}});
  }
  const std::vector<ValueId> values = builder.forest(x, std::move(forest), fraction);
  std::vector<ValueId> scores;
  auto next = values.begin();
  for (int64_t k = 0; k < outputs; ++k) {
    const std::vector<ValueId> of_output(next, next + static_cast<int64_t>(parts[k].size()));
    next += static_cast<int64_t>(parts[k].size());
    scores.push_back(aggregate(node, of_output, builder.constant(*node.constant("base"), k), builder));
  }
  return scores;
}

std::vector<ValueId> leaves_of(const Node& node, std::span<const ValueId> x, ProgramBuilder& builder) {
  Forest forest = trees_of(node);
  forest.columns = {node.constant("leaf_id")->raw};
  for (int32_t t = 0; t < static_cast<int32_t>(forest.roots.size()); ++t) forest.outputs.push_back({0, {{t, 0}}});
  return builder.forest(x, std::move(forest), 0);
}

}  // namespace

absl::Status emulate_forest(const Graph& graph, const Node& node, ProgramBuilder& builder) {
  const auto& out = graph.tensor(node.outputs[0]).type;
  const bool leaves = node.text("result") == "leaves";
  const std::span<const ValueId> x = builder.tensor(node.inputs[0]);
  std::vector<ValueId> results = leaves ? leaves_of(node, x, builder) : scores_of(node, x, out.elements(), builder);
  for (int64_t k = 0; k < out.elements(); ++k) {
    const Constant* scale = leaves ? nullptr : node.constant("scale");
    if (scale != nullptr) results[k] = builder.linear(std::vector<Term>{builder.term(results[k], *scale, 0)});
    results[k] = builder.cast(results[k], out.at(k));
  }
  builder.define(node.outputs[0], std::move(results));
  return absl::OkStatus();
}

}  // namespace strobe::layers
