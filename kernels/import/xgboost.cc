#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kernels/import/forest_json.h"
#include "kernels/import/forest_tree.h"

namespace strobe::import {
namespace {

/// How an objective takes base_score into margins.
enum class Link { kIdentity, kLogit, kLog };

struct Objective {
  Link link;
  PostTransform post;
};

const std::map<std::string, Objective, std::less<>>& objectives() {
  static const std::map<std::string, Objective, std::less<>> kTable = {
      {"binary:hinge", {Link::kIdentity, PostTransform::kNone}},
      {"binary:logistic", {Link::kLogit, PostTransform::kSigmoid}},
      {"binary:logitraw", {Link::kIdentity, PostTransform::kNone}},
      {"count:poisson", {Link::kLog, PostTransform::kExp}},
      {"multi:softmax", {Link::kIdentity, PostTransform::kSoftmax}},
      {"multi:softprob", {Link::kIdentity, PostTransform::kSoftmax}},
      {"rank:map", {Link::kIdentity, PostTransform::kNone}},
      {"rank:ndcg", {Link::kIdentity, PostTransform::kNone}},
      {"rank:pairwise", {Link::kIdentity, PostTransform::kNone}},
      {"reg:absoluteerror", {Link::kIdentity, PostTransform::kNone}},
      {"reg:expectileerror", {Link::kIdentity, PostTransform::kNone}},
      {"reg:gamma", {Link::kLog, PostTransform::kExp}},
      {"reg:linear", {Link::kIdentity, PostTransform::kNone}},
      {"reg:logistic", {Link::kLogit, PostTransform::kSigmoid}},
      {"reg:pseudohubererror", {Link::kIdentity, PostTransform::kNone}},
      {"reg:quantileerror", {Link::kIdentity, PostTransform::kNone}},
      {"reg:squarederror", {Link::kIdentity, PostTransform::kNone}},
      {"reg:squaredlogerror", {Link::kIdentity, PostTransform::kNone}},
      {"reg:tweedie", {Link::kLog, PostTransform::kExp}},
      {"survival:aft", {Link::kLog, PostTransform::kExp}},
      {"survival:cox", {Link::kLog, PostTransform::kExp}},
  };
  return kTable;
}

/// The float32 that XGBoost had before it wrote a decimal.
double single(double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (std::fabs(value) > kLargest) return std::copysign(std::numeric_limits<double>::infinity(), value);
  return static_cast<float>(value);
}

/// Arrays of one tree, checked to be equally long.
struct TreeArrays {
  std::vector<double> left, right, feature, condition, default_left, split_type;
  std::vector<double> vector_leaves;  ///< of trees whose leaves have a value per output
  bool leaves_are_numbered = false;   ///< `right` of a leaf is its row in vector_leaves; else rows are nodes
  std::map<int64_t, int32_t> category_set_of;
};

class Reader {
 public:
  Reader(const Json& document, const std::string& name) : learner_(member(document, "learner")), name_(name) {
    provenance_["format"] = "XGBoost";
    if (const auto version = as_integers(member(document, "version")))
      provenance_["xgboost_version"] = absl::StrJoin(*version, ".");
  }

  absl::StatusOr<FloatModel> read() {
    for (auto step : {&Reader::find_booster, &Reader::read_shape, &Reader::read_base, &Reader::read_trees}) {
      if (absl::Status s = (this->*step)(); !s.ok())
        return absl::Status(s.code(), absl::StrCat("'", name_, "': ", s.message()));
    }
    return forest_model(std::move(forest_), name_, "xgboost", std::move(provenance_));
  }

 private:
  absl::Status find_booster() {
    const Json& booster = member(learner_, "gradient_booster");
    const std::string kind = as_text(member(booster, "name")).value_or("gbtree");
    if (kind != "gbtree" && kind != "dart")
      return absl::UnimplementedError(absl::StrCat("booster '", kind, "'; strobe reads gbtree and dart"));
    model_ = &member(kind == "dart" ? member(booster, "gbtree") : booster, "model");
    if (!model_->is_object()) return absl::InvalidArgumentError("the model has no tree");
    trees_ = &member(*model_, "trees");
    if (!trees_->is_array() || trees_->empty()) return absl::InvalidArgumentError("the model has no tree");
    tree_weights_.assign(trees_->size(), 1);
    if (kind != "dart") return absl::OkStatus();
    auto drop = number_list(member(booster, "weight_drop"), trees_->size(), "weight_drop of the dart booster");
    if (!drop.ok()) return drop.status();
    std::transform(drop->begin(), drop->end(), tree_weights_.begin(), single);
    return absl::OkStatus();
  }

  absl::Status read_shape() {
    const Json& sizes = member(learner_, "learner_model_param");
    auto features = count_of(member(sizes, "num_feature"), kMaxForestFeatures, "num_feature");
    if (!features.ok()) return features.status();
    auto classes = count_of(member(sizes, "num_class"), kMaxForestOutputs, "num_class");
    if (!classes.ok()) return classes.status();
    auto targets =
        count_of(sizes.contains("num_target") ? sizes["num_target"] : Json(1), kMaxForestOutputs, "num_target");
    if (!targets.ok()) return targets.status();
    forest_.features = static_cast<int32_t>(*features);
    forest_.outputs = static_cast<int32_t>(std::max<int64_t>({1, *classes, *targets}));
    const Json& names = member(learner_, "feature_names");
    if (names.is_array() && names.size() == static_cast<size_t>(forest_.features)) {
      for (const Json& entry : names) forest_.feature_names.push_back(as_text(entry).value_or(""));
    }
    return absl::OkStatus();
  }

  absl::Status read_base() {
    const std::string objective = as_text(member(member(learner_, "objective"), "name")).value_or("");
    const auto found = objectives().find(objective);
    if (found == objectives().end()) {
      const auto name_only = [](std::string* out, const auto& entry) { out->append(entry.first); };
      return absl::UnimplementedError(
          absl::StrCat("objective '", objective, "'; strobe knows ", absl::StrJoin(objectives(), ", ", name_only)));
    }
    provenance_["objective"] = objective;
    forest_.post = found->second.post;
    const std::string text = as_text(member(member(learner_, "learner_model_param"), "base_score")).value_or("");
    absl::string_view list = text;
    if (absl::ConsumePrefix(&list, "[")) absl::ConsumeSuffix(&list, "]");
    for (const absl::string_view part : absl::StrSplit(list, ',')) {
      float score = 0;
      if (!absl::SimpleAtof(part, &score) || !std::isfinite(score))
        return absl::InvalidArgumentError(absl::StrCat("base_score '", text, "' is not a number or a list of them"));
      auto margin = base_margin(found->second.link, score);
      if (!margin.ok()) return margin.status();
      forest_.base.push_back(*margin);
    }
    if (forest_.base.size() == 1) forest_.base.resize(static_cast<size_t>(forest_.outputs), forest_.base[0]);
    if (forest_.base.size() != static_cast<size_t>(forest_.outputs)) {
      return absl::InvalidArgumentError(
          absl::StrCat("base_score has ", forest_.base.size(), " numbers, the model ", forest_.outputs, " outputs"));
    }
    return absl::OkStatus();
  }

  /// In float32, as XGBoost computes it.
  static absl::StatusOr<double> base_margin(Link link, float score) {
    if (link == Link::kIdentity) return score;
    if (link == Link::kLogit && score > 0 && score < 1) return -std::log(1.0f / score - 1.0f);
    if (link == Link::kLog && score > 0) return std::log(score);
    return absl::InvalidArgumentError(absl::StrCat("base_score ", score, " is outside of what its objective allows"));
  }

  absl::Status read_trees() {
    const size_t count = trees_->size();
    auto groups = number_list(member(*model_, "tree_info"), count, "tree_info");
    if (!groups.ok()) return groups.status();
    auto width = count_of(member(member((*trees_)[0], "tree_param"), "size_leaf_vector"), kMaxForestOutputs,
                          "tree 0: size_leaf_vector");
    // Old files leave it out, or write 0.
    forest_.leaf_width = width.ok() && *width > 1 ? static_cast<int32_t>(*width) : 1;
    if (forest_.leaf_width != 1 && forest_.leaf_width != forest_.outputs) {
      return absl::InvalidArgumentError(absl::StrCat("tree 0: leaves of ", forest_.leaf_width,
                                                     " values, the model has ", forest_.outputs, " outputs"));
    }
    for (size_t t = 0; t < count; ++t) {
      const std::string label = absl::StrCat("tree ", t);
      const double group = (*groups)[t];
      if (!(group >= 0 && group < forest_.outputs))
        return absl::InvalidArgumentError(
            absl::StrCat(label, ": tree_info is ", group, ", the model has ", forest_.outputs, " outputs"));
      if (absl::Status s = read_tree(t, label, static_cast<int32_t>(group)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status read_tree(size_t t, const std::string& label, int32_t output) {
    auto arrays = read_arrays((*trees_)[t], label);
    if (!arrays.ok()) return arrays.status();
    FileTree tree;
    tree.label = label;
    tree.output = forest_.leaf_width == 1 ? output : -1;
    for (size_t n = 0; n < arrays->left.size(); ++n) {
      ForestNode node;
      node.file_id = static_cast<int32_t>(n);
      if (arrays->left[n] == -1) {
        if (absl::Status s = add_leaf(*arrays, n, tree_weights_[t], tree, node); !s.ok()) return s;
      } else if (absl::Status s = fill_split(*arrays, n, label, node); !s.ok()) {
        return s;
      }
      tree.nodes.push_back(node);
    }
    return append_tree(tree, forest_);
  }

  absl::Status add_leaf(const TreeArrays& arrays, size_t n, double weight, FileTree& tree, ForestNode& node) const {
    const auto width = static_cast<size_t>(forest_.leaf_width);
    node.leaf = static_cast<int32_t>(tree.leaf_values.size() / width);
    if (width == 1) {
      tree.leaf_values.push_back(single(arrays.condition[n]) * weight);
      return absl::OkStatus();
    }
    const double row = arrays.leaves_are_numbered ? arrays.right[n] : static_cast<double>(n);
    if (!(row >= 0 && (row + 1) * static_cast<double>(width) <= static_cast<double>(arrays.vector_leaves.size()))) {
      return absl::InvalidArgumentError(
          absl::StrCat(tree.label, ", node ", n, ": leaf ", row, " has no values in the file"));
    }
    const double* values = arrays.vector_leaves.data() + static_cast<size_t>(row) * width;
    for (size_t k = 0; k < width; ++k) tree.leaf_values.push_back(single(values[k]) * weight);
    return absl::OkStatus();
  }

  /// Left is `x < condition`; of a categorical split, the set goes right.
  static absl::Status fill_split(const TreeArrays& arrays, size_t n, const std::string& label, ForestNode& node) {
    const auto index = [](double value) {
      return value >= 0 && value < 2147483647.0 ? static_cast<int32_t>(value) : std::numeric_limits<int32_t>::max();
    };
    const bool default_left = arrays.default_left[n] != 0;
    node.feature = index(arrays.feature[n]);
    node.missing = MissingValues::kNan;
    if (arrays.split_type[n] == 0) {
      node.test = SplitTest::kLess;
      node.threshold = single(arrays.condition[n]);
      node.if_true = index(arrays.left[n]);
      node.if_false = index(arrays.right[n]);
      node.missing_goes_true = default_left;
      return absl::OkStatus();
    }
    const auto set = arrays.category_set_of.find(static_cast<int64_t>(n));
    if (set == arrays.category_set_of.end())
      return absl::InvalidArgumentError(absl::StrCat(label, ", node ", n, ": a categorical split without categories"));
    node.test = SplitTest::kInCategories;
    node.categories = set->second;
    node.if_true = index(arrays.right[n]);
    node.if_false = index(arrays.left[n]);
    node.missing_goes_true = !default_left;
    return absl::OkStatus();
  }

  absl::StatusOr<TreeArrays> read_arrays(const Json& tree, const std::string& label) {
    TreeArrays arrays;
    const Json& left = member(tree, "left_children");
    const size_t count = left.is_array() ? left.size() : 0;
    if (count == 0) return absl::InvalidArgumentError(absl::StrCat(label, ": expected left_children, found none"));
    for (const auto& [key, target] : {std::pair("left_children", &arrays.left),
                                      {"right_children", &arrays.right},
                                      {"split_indices", &arrays.feature},
                                      {"split_conditions", &arrays.condition},
                                      {"default_left", &arrays.default_left},
                                      {"split_type", &arrays.split_type}}) {
      // Files from before categorical splits have no split_type.
      if (target == &arrays.split_type && !tree.contains(key)) {
        target->assign(count, 0);
        continue;
      }
      auto numbers = number_list(member(tree, key), count, absl::StrCat(label, ": ", key));
      if (!numbers.ok()) return numbers.status();
      *target = *std::move(numbers);
    }
    if (forest_.leaf_width > 1) {
      arrays.leaves_are_numbered = tree.contains("leaf_weights");
      const char* key = arrays.leaves_are_numbered ? "leaf_weights" : "base_weights";
      const Json& values = member(tree, key);
      auto numbers = number_list(values, values.size(), absl::StrCat(label, ": ", key));
      if (!numbers.ok()) return numbers.status();
      arrays.vector_leaves = *std::move(numbers);
    }
    if (absl::Status s = read_categories(tree, label, arrays); !s.ok()) return s;
    return arrays;
  }

  /// Node `categories_nodes[i]` has the set of `categories_sizes[i]` entries from `categories_segments[i]` on.
  absl::Status read_categories(const Json& tree, const std::string& label, TreeArrays& arrays) {
    const Json& of_nodes = member(tree, "categories_nodes");
    if (!of_nodes.is_array() || of_nodes.empty()) return absl::OkStatus();
    const Json& all = member(tree, "categories");
    auto categories = number_list(all, all.size(), absl::StrCat(label, ": categories"));
    if (!categories.ok()) return categories.status();
    std::vector<double> lists[3];
    const char* const keys[] = {"categories_nodes", "categories_segments", "categories_sizes"};
    for (size_t k = 0; k < 3; ++k) {
      auto numbers = number_list(member(tree, keys[k]), of_nodes.size(), absl::StrCat(label, ": ", keys[k]));
      if (!numbers.ok()) return numbers.status();
      lists[k] = *std::move(numbers);
    }
    for (size_t i = 0; i < lists[0].size(); ++i) {
      const double node = lists[0][i], first = lists[1][i], size = lists[2][i];
      if (!(node >= 0 && node < static_cast<double>(arrays.left.size())))
        return absl::InvalidArgumentError(absl::StrCat(label, ": categories of node ", node, ", which does not exist"));
      if (!(first >= 0 && size >= 0 && first + size <= static_cast<double>(categories->size()))) {
        return absl::InvalidArgumentError(absl::StrCat(label, ", node ", node, ": expected ", size, " categories from ",
                                                       first, " on, the tree has ", categories->size()));
      }
      const auto begin = categories->begin() + static_cast<std::ptrdiff_t>(first);
      std::vector<int64_t> set;
      for (auto c = begin; c != begin + static_cast<std::ptrdiff_t>(size); ++c) {
        if (!(*c >= 0 && *c < 16777216))
          return absl::InvalidArgumentError(
              absl::StrCat(label, ", node ", node, ": category ", *c, " is out of range"));
        set.push_back(static_cast<int64_t>(*c));
      }
      std::sort(set.begin(), set.end());
      set.erase(std::unique(set.begin(), set.end()), set.end());
      arrays.category_set_of[static_cast<int64_t>(node)] = static_cast<int32_t>(forest_.category_sets.size());
      forest_.category_sets.push_back(std::move(set));
    }
    return absl::OkStatus();
  }

  const Json& learner_;
  const std::string& name_;
  const Json* model_ = nullptr;
  const Json* trees_ = nullptr;
  std::vector<double> tree_weights_;
  Forest forest_;
  std::map<std::string, std::string> provenance_;
};

}  // namespace

absl::StatusOr<FloatModel> read_xgboost(const Json& document, const std::string& name) {
  return Reader(document, name).read();
}

}  // namespace strobe::import
