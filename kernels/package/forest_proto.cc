#include "absl/strings/str_cat.h"
#include "kernels/import/forest_tree.h"
#include "kernels/package/graph_proto.h"

namespace strobe::package {
namespace {

using import::Forest;
using import::ForestNode;

constexpr uint32_t kMissingShift = 8, kGoesTrueShift = 16;

uint32_t rule_of(const ForestNode& node) {
  return static_cast<uint32_t>(node.test) | static_cast<uint32_t>(node.missing) << kMissingShift |
         static_cast<uint32_t>(node.missing_goes_true) << kGoesTrueShift;
}

absl::Status damaged(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("a saved forest is damaged: ", what));
}

absl::Status read_rule(uint32_t rule, ForestNode& node) {
  const uint32_t test = rule & 0xff, missing = (rule >> kMissingShift) & 0xff;
  if (test > static_cast<uint32_t>(import::SplitTest::kInCategories) ||
      missing > static_cast<uint32_t>(import::MissingValues::kNanAndZero) || rule >> (kGoesTrueShift + 1) != 0) {
    return damaged(absl::StrCat("unknown rule ", rule));
  }
  node.test = static_cast<import::SplitTest>(test);
  node.missing = static_cast<import::MissingValues>(missing);
  node.missing_goes_true = (rule >> kGoesTrueShift) != 0;
  return absl::OkStatus();
}

absl::Status read_nodes(const pb::FloatForest& proto, Forest& forest) {
  const int count = proto.node_feature_size();
  const std::vector<double> thresholds = from_proto(proto.node_threshold()).data;
  for (const int size : {proto.node_rule_size(), static_cast<int>(thresholds.size()), proto.node_if_true_size(),
                         proto.node_if_false_size(), proto.node_categories_size(), proto.node_projection_size(),
                         proto.node_leaf_size(), proto.node_file_id_size()}) {
    if (size != count) return damaged(absl::StrCat("columns of ", count, " and ", size, " nodes"));
  }
  for (int n = 0; n < count; ++n) {
    ForestNode node;
    node.feature = proto.node_feature(n);
    if (absl::Status s = read_rule(proto.node_rule(n), node); !s.ok()) return s;
    node.threshold = thresholds[n];
    node.if_true = proto.node_if_true(n);
    node.if_false = proto.node_if_false(n);
    node.categories = proto.node_categories(n);
    node.projection = proto.node_projection(n);
    node.leaf = proto.node_leaf(n);
    node.file_id = proto.node_file_id(n);
    forest.nodes.push_back(node);
  }
  return absl::OkStatus();
}

}  // namespace

void to_proto(const Forest& forest, pb::FloatForest& proto) {
  proto.set_features(forest.features);
  proto.set_outputs(forest.outputs);
  for (const std::string& name : forest.feature_names) proto.add_feature_names(name);
  import::Array thresholds;
  for (const ForestNode& node : forest.nodes) {
    proto.add_node_feature(node.feature);
    proto.add_node_rule(rule_of(node));
    thresholds.data.push_back(node.threshold);
    proto.add_node_if_true(node.if_true);
    proto.add_node_if_false(node.if_false);
    proto.add_node_categories(node.categories);
    proto.add_node_projection(node.projection);
    proto.add_node_leaf(node.leaf);
    proto.add_node_file_id(node.file_id);
  }
  to_proto(thresholds, *proto.mutable_node_threshold());
  for (const import::ForestTree& tree : forest.trees) {
    proto.add_tree_root(tree.root);
    proto.add_tree_output(tree.output);
  }
  for (const auto& set : forest.category_sets)
    proto.add_category_sets()->mutable_values()->Assign(set.begin(), set.end());
  for (const auto& weights : forest.projections) to_proto(import::Array{{}, weights}, *proto.add_projections());
  to_proto(import::Array{{}, forest.leaf_values}, *proto.mutable_leaf_values());
  proto.set_leaf_width(forest.leaf_width);
  to_proto(import::Array{{}, forest.base}, *proto.mutable_base());
  proto.set_scale(forest.scale);
  proto.set_aggregation(static_cast<uint32_t>(forest.aggregation));
  proto.set_post(static_cast<uint32_t>(forest.post));
  proto.set_post_scale(forest.post_scale);
  proto.set_single_precision_inputs(forest.single_precision_inputs);
  proto.set_single_precision_thresholds(forest.single_precision_thresholds);
}

absl::StatusOr<std::shared_ptr<const Forest>> from_proto(const pb::FloatForest& proto) {
  auto forest = std::make_shared<Forest>();
  forest->features = proto.features();
  forest->outputs = proto.outputs();
  forest->feature_names.assign(proto.feature_names().begin(), proto.feature_names().end());
  if (absl::Status s = read_nodes(proto, *forest); !s.ok()) return s;
  if (proto.tree_root_size() != proto.tree_output_size()) return damaged("columns of trees of unequal length");
  for (int t = 0; t < proto.tree_root_size(); ++t) forest->trees.push_back({proto.tree_root(t), proto.tree_output(t)});
  for (const auto& set : proto.category_sets())
    forest->category_sets.emplace_back(set.values().begin(), set.values().end());
  for (const auto& weights : proto.projections()) forest->projections.push_back(from_proto(weights).data);
  forest->leaf_values = from_proto(proto.leaf_values()).data;
  forest->leaf_width = proto.leaf_width();
  forest->base = from_proto(proto.base()).data;
  forest->scale = proto.scale();
  if (proto.aggregation() > static_cast<uint32_t>(import::Aggregation::kMaximum) ||
      proto.post() > static_cast<uint32_t>(import::PostTransform::kTanh)) {
    return damaged("unknown aggregation or output transform");
  }
  forest->aggregation = static_cast<import::Aggregation>(proto.aggregation());
  forest->post = static_cast<import::PostTransform>(proto.post());
  forest->post_scale = proto.post_scale();
  forest->single_precision_inputs = proto.single_precision_inputs();
  forest->single_precision_thresholds = proto.single_precision_thresholds();
  if (absl::Status s = import::verify(*forest); !s.ok()) return s;
  return forest;
}

}  // namespace strobe::package
