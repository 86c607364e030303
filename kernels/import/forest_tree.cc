#include "kernels/import/forest_tree.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernels/import/one_layer_model.h"

namespace strobe::import {
namespace {

bool in_range(int64_t index, size_t size) { return index >= 0 && static_cast<size_t>(index) < size; }

/// Follows every path from a root with a stack of its own. `visit(node)` is told of each node once, parents first.
template <typename Visit>
absl::Status walk(const std::vector<ForestNode>& nodes, int32_t root, const std::string& label,
                  std::vector<bool>& reached, Visit visit) {
  if (!in_range(root, nodes.size())) {
    return absl::InvalidArgumentError(absl::StrCat(label, ": root ", root, " is none of the ", nodes.size(), " nodes"));
  }
  std::vector<int32_t> waiting = {root};
  const auto enter = [&](const ForestNode& parent, const char* side, int32_t child) -> absl::Status {
    if (!in_range(child, nodes.size())) {
      return absl::InvalidArgumentError(absl::StrCat(label, ", node ", parent.file_id, ": the child for ", side, " (",
                                                     child, ") is none of the ", nodes.size(), " nodes"));
    }
    if (reached[child]) {
      return absl::InvalidArgumentError(absl::StrCat(label, ", node ", parent.file_id, ": its child ",
                                                     nodes[child].file_id,
                                                     " is reached twice (a cycle or a shared child)"));
    }
    reached[child] = true;
    waiting.push_back(child);
    return absl::OkStatus();
  };
  if (reached[root]) return absl::InvalidArgumentError(absl::StrCat(label, ": its root belongs to another tree"));
  reached[root] = true;
  while (!waiting.empty()) {
    const int32_t at = waiting.back();
    waiting.pop_back();
    const ForestNode& node = nodes[at];
    visit(at);
    if (node.is_leaf()) continue;
    if (absl::Status s = enter(node, "false", node.if_false); !s.ok()) return s;
    if (absl::Status s = enter(node, "true", node.if_true); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status check_split(const Forest& forest, const ForestNode& node) {
  if (std::isnan(node.threshold)) return absl::InvalidArgumentError("its threshold is not a number");
  if (node.projection >= 0) {
    if (!in_range(node.projection, forest.projections.size()))
      return absl::InvalidArgumentError(absl::StrCat("projection ", node.projection, " does not exist"));
  } else if (!in_range(node.feature, static_cast<size_t>(forest.features))) {
    return absl::InvalidArgumentError(
        absl::StrCat("looks at feature ", node.feature, ", the forest has ", forest.features));
  }
  if (node.test > SplitTest::kInCategories || node.missing > MissingValues::kNanAndZero)
    return absl::InvalidArgumentError("unknown kind of split");
  if (node.test == SplitTest::kInCategories && !in_range(node.categories, forest.category_sets.size()))
    return absl::InvalidArgumentError(absl::StrCat("category set ", node.categories, " does not exist"));
  return absl::OkStatus();
}

absl::Status check_numbers(const Forest& forest) {
  const auto finite = [](const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  };
  if (!std::isfinite(forest.scale) || !std::isfinite(forest.post_scale))
    return absl::InvalidArgumentError("its scale is not a finite number");
  if (!finite(forest.base)) return absl::InvalidArgumentError("a base score is not a finite number");
  for (size_t i = 0; i < forest.leaf_values.size(); ++i) {
    if (!std::isfinite(forest.leaf_values[i]))
      return absl::InvalidArgumentError(
          absl::StrCat("leaf ", i / static_cast<size_t>(forest.leaf_width), ": its value is not a finite number"));
  }
  for (size_t p = 0; p < forest.projections.size(); ++p) {
    if (forest.projections[p].size() != static_cast<size_t>(forest.features) || !finite(forest.projections[p])) {
      return absl::InvalidArgumentError(
          absl::StrCat("projection ", p, ": expected ", forest.features, " finite weights"));
    }
  }
  for (size_t c = 0; c < forest.category_sets.size(); ++c) {
    const auto& set = forest.category_sets[c];
    if (std::adjacent_find(set.begin(), set.end(), std::greater_equal<>()) != set.end())
      return absl::InvalidArgumentError(absl::StrCat("category set ", c, " is not sorted, or has duplicates"));
  }
  return absl::OkStatus();
}

absl::Status check_sizes(const Forest& forest) {
  if (forest.features < 1 || forest.features > kMaxForestFeatures)
    return absl::InvalidArgumentError(
        absl::StrCat("expected 1 to ", kMaxForestFeatures, " features, found ", forest.features));
  if (forest.outputs < 1 || forest.outputs > kMaxForestOutputs)
    return absl::InvalidArgumentError(
        absl::StrCat("expected 1 to ", kMaxForestOutputs, " outputs, found ", forest.outputs));
  if (forest.trees.empty()) return absl::InvalidArgumentError("has no tree");
  if (forest.base.size() != static_cast<size_t>(forest.outputs))
    return absl::InvalidArgumentError(
        absl::StrCat("has ", forest.outputs, " outputs, found ", forest.base.size(), " base scores"));
  if (forest.leaf_width != 1 && forest.leaf_width != forest.outputs)
    return absl::InvalidArgumentError(
        absl::StrCat("leaves of ", forest.leaf_width, " values do not fit ", forest.outputs, " outputs"));
  if (forest.leaf_values.size() % static_cast<size_t>(forest.leaf_width) != 0)
    return absl::InvalidArgumentError(
        absl::StrCat(forest.leaf_values.size(), " leaf values are no rows of ", forest.leaf_width));
  if (!forest.feature_names.empty() && forest.feature_names.size() != static_cast<size_t>(forest.features))
    return absl::InvalidArgumentError(
        absl::StrCat("has ", forest.features, " features, found ", forest.feature_names.size(), " names"));
  if (forest.aggregation > Aggregation::kMaximum || forest.post > PostTransform::kTanh)
    return absl::InvalidArgumentError("unknown aggregation or output transform");
  return absl::OkStatus();
}

absl::Status check_tree(const Forest& forest, size_t t, std::vector<bool>& reached) {
  const ForestTree& tree = forest.trees[t];
  const std::string label = absl::StrCat("tree ", t);
  const bool wide = tree.output < 0;
  if (wide ? tree.output != -1 || forest.leaf_width != forest.outputs
           : forest.leaf_width != 1 || tree.output >= forest.outputs) {
    return absl::InvalidArgumentError(absl::StrCat(label, ": output ", tree.output, " does not fit ", forest.outputs,
                                                   " outputs and leaves of ", forest.leaf_width, " values"));
  }
  const size_t rows = forest.leaf_values.size() / static_cast<size_t>(forest.leaf_width);
  absl::Status flaw;
  absl::Status walked = walk(forest.nodes, tree.root, label, reached, [&](int32_t at) {
    const ForestNode& node = forest.nodes[at];
    absl::Status s;
    if (!node.is_leaf()) {
      s = check_split(forest, node);
    } else if (!in_range(node.leaf, rows)) {
      s = absl::InvalidArgumentError(absl::StrCat("leaf row ", node.leaf, " does not exist"));
    }
    if (flaw.ok() && !s.ok())
      flaw = absl::InvalidArgumentError(absl::StrCat(label, ", node ", node.file_id, ": ", s.message()));
  });
  return walked.ok() ? flaw : walked;
}

}  // namespace

absl::Status append_tree(const FileTree& tree, Forest& forest) {
  std::vector<int32_t> place(tree.nodes.size(), -1);
  std::vector<int32_t> order;
  std::vector<bool> reached(tree.nodes.size());
  const size_t first = forest.nodes.size();
  if (first + tree.nodes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    return absl::InvalidArgumentError(absl::StrCat(tree.label, ": the forest has more than 2^31 nodes"));
  absl::Status walked = walk(tree.nodes, tree.root, tree.label, reached, [&](int32_t at) {
    place[at] = static_cast<int32_t>(first + order.size());
    order.push_back(at);
  });
  if (!walked.ok()) return walked;
  const auto width = static_cast<size_t>(forest.leaf_width);
  for (const int32_t at : order) {
    ForestNode node = tree.nodes[at];
    if (node.is_leaf()) {
      const size_t from = static_cast<size_t>(node.leaf) * width;
      if (from + width > tree.leaf_values.size())
        return absl::InvalidArgumentError(absl::StrCat(tree.label, ", node ", node.file_id, ": its leaf has no value"));
      node.leaf = static_cast<int32_t>(forest.leaf_values.size() / width);
      const auto row = tree.leaf_values.begin() + static_cast<std::ptrdiff_t>(from);
      forest.leaf_values.insert(forest.leaf_values.end(), row, row + static_cast<std::ptrdiff_t>(width));
    } else {
      node.if_true = place[node.if_true];
      node.if_false = place[node.if_false];
    }
    forest.nodes.push_back(node);
  }
  forest.trees.push_back({place[tree.root], tree.output});
  return absl::OkStatus();
}

absl::Status verify(const Forest& forest) {
  if (absl::Status s = check_sizes(forest); !s.ok()) return s;
  if (absl::Status s = check_numbers(forest); !s.ok()) return s;
  std::vector<bool> reached(forest.nodes.size());
  for (size_t t = 0; t < forest.trees.size(); ++t) {
    if (absl::Status s = check_tree(forest, t, reached); !s.ok()) return s;
  }
  const auto stray = std::find(reached.begin(), reached.end(), false);
  if (stray != reached.end())
    return absl::InvalidArgumentError(absl::StrCat("node ", stray - reached.begin(), " belongs to no tree"));
  return absl::OkStatus();
}

absl::StatusOr<FloatModel> forest_model(Forest forest, const std::string& name, const std::string& framework,
                                        std::map<std::string, std::string> provenance) {
  if (absl::Status s = verify(forest); !s.ok())
    return absl::InvalidArgumentError(absl::StrCat("'", name, "': ", s.message()));
  const std::string file = name.substr(name.rfind('/') + 1);
  const FloatTensor input = {"input", {forest.features}}, output = {"forest", {forest.outputs}};
  FloatLayer layer;
  layer.kind = "Forest";
  layer.forest = std::make_shared<const Forest>(std::move(forest));
  FloatModel model = one_layer_model(file.substr(0, file.find('.')), framework, input, output, std::move(layer));
  model.provenance = std::move(provenance);
  model.provenance["file"] = file;
  return model;
}

}  // namespace strobe::import
