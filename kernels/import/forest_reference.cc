#include "kernels/import/forest_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace strobe::import {
namespace {

bool is_missing(MissingValues missing, double x) {
  // LightGBM's limit for zero is the float32 nearest to 1e-35.
  constexpr double kZero = 1e-35f;
  return (missing != MissingValues::kNone && std::isnan(x)) ||
         (missing == MissingValues::kNanAndZero && std::fabs(x) <= kZero);
}

bool in_categories(const std::vector<int64_t>& set, double x) {
  if (!(std::fabs(x) < 9007199254740992.0)) return false;
  return std::binary_search(set.begin(), set.end(), static_cast<int64_t>(x));
}

double compared_threshold(const Forest& forest, const ForestNode& node) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (!forest.single_precision_thresholds || !(std::fabs(node.threshold) <= kLargest)) return node.threshold;
  return static_cast<float>(node.threshold);
}

bool passes(const Forest& forest, const ForestNode& node, double x) {
  const double threshold = compared_threshold(forest, node);
  switch (node.test) {
    case SplitTest::kLess:
      return x < threshold;
    case SplitTest::kLessEqual:
      return x <= threshold;
    case SplitTest::kGreater:
      return x > threshold;
    case SplitTest::kGreaterEqual:
      return x >= threshold;
    case SplitTest::kEqual:
      return x == threshold;
    case SplitTest::kNotEqual:
      return x != threshold;
    case SplitTest::kInCategories:
      return in_categories(forest.category_sets[static_cast<size_t>(node.categories)], x);
  }
  return false;
}

double operand(const Forest& forest, const ForestNode& node, const double* event) {
  if (node.projection < 0) return event[node.feature];
  const Projection& weights = forest.projections[static_cast<size_t>(node.projection)];
  double sum = 0;
  // A feature without weight does not count, even where it is NaN.
  for (size_t f = 0; f < weights.size(); ++f) sum += weights[f] == 0 ? 0 : weights[f] * event[f];
  return sum;
}

absl::StatusOr<const ForestNode*> descend(const Forest& forest, size_t tree, const double* event, size_t row,
                                          bool nan_is_zero) {
  const ForestNode* node = &forest.nodes[static_cast<size_t>(forest.trees[tree].root)];
  while (!node->is_leaf()) {
    double x = operand(forest, *node, event);
    const bool missing = is_missing(node->missing, x);
    if (std::isnan(x) && !missing && nan_is_zero && node->projection < 0) x = 0;
    if (std::isnan(x) && !missing) {
      return absl::InvalidArgumentError(absl::StrCat(
          "event ", row, ": ",
          node->projection < 0 ? absl::StrCat("feature ", node->feature) : std::string("an oblique split's feature"),
          " is NaN, and tree ", tree, " knows no missing values"));
    }
    const bool answer = missing ? node->missing_goes_true : passes(forest, *node, x);
    node = &forest.nodes[static_cast<size_t>(answer ? node->if_true : node->if_false)];
  }
  return node;
}

double combined(Aggregation how, double so_far, double value) {
  if (how == Aggregation::kMinimum) return std::min(so_far, value);
  if (how == Aggregation::kMaximum) return std::max(so_far, value);
  return so_far + value;
}

/// What trees gave to each output, on its way to the margins.
class Totals {
 public:
  explicit Totals(const Forest& forest) : forest_(forest) {
    const double start = forest.aggregation == Aggregation::kMinimum   ? std::numeric_limits<double>::infinity()
                         : forest.aggregation == Aggregation::kMaximum ? -std::numeric_limits<double>::infinity()
                                                                       : 0;
    start_.assign(static_cast<size_t>(forest.outputs), start);
    trees_.assign(start_.size(), 0);
    for (const ForestTree& tree : forest.trees) {
      for (size_t k = 0; k < trees_.size(); ++k) trees_[k] += tree.output < 0 || k == static_cast<size_t>(tree.output);
    }
  }

  void begin() { totals_ = start_; }
  void add(size_t tree, const ForestNode& leaf) {
    const auto width = static_cast<size_t>(forest_.leaf_width);
    const double* values = forest_.leaf_values.data() + static_cast<size_t>(leaf.leaf) * width;
    const int32_t output = forest_.trees[tree].output;
    const size_t first = output < 0 ? 0 : static_cast<size_t>(output);
    for (size_t k = 0; k < width; ++k)
      totals_[first + k] = combined(forest_.aggregation, totals_[first + k], values[k]);
  }
  /// An output that no tree adds to has its base alone.
  double margin(size_t output) const {
    double total = trees_[output] == 0 ? 0 : totals_[output];
    if (forest_.aggregation == Aggregation::kAverage) total /= static_cast<double>(forest_.trees.size());
    return (forest_.base[output] + total) * forest_.scale;
  }

 private:
  const Forest& forest_;
  std::vector<double> start_, totals_;
  std::vector<size_t> trees_;  ///< how many add to each output
};

void softmax(std::span<double> values, bool keep_zeros) {
  constexpr double kZero = 1e-7;
  const double largest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (double& v : values) {
    if (keep_zeros && std::fabs(v) <= kZero) continue;
    v = std::exp(v - largest);
    sum += v;
  }
  if (sum == 0) return;
  for (double& v : values) v /= sum;
}

/// The inverse of the error function: Winitzki's closed form, then Newton's method.
double inverse_erf(double y) {
  if (!(y > -1 && y < 1)) return std::copysign(std::numeric_limits<double>::infinity(), y);
  const double w = std::log1p(-y * y);
  const double a = 2 / (3.14159265358979323846 * 0.147) + w / 2;
  double x = std::copysign(std::sqrt(std::sqrt(a * a - w / 0.147) - a), y);
  for (int step = 0; step < 4; ++step) x -= (std::erf(x) - y) / (1.1283791670955126 * std::exp(-x * x));
  return x;
}

double transformed(PostTransform post, double m) {
  switch (post) {
    case PostTransform::kSigmoid:
      return 1 / (1 + std::exp(-m));
    case PostTransform::kExp:
      return std::exp(m);
    case PostTransform::kProbit:
      return std::sqrt(2.0) * inverse_erf(2 * m - 1);
    case PostTransform::kTanh:
      return std::tanh(m);
    default:
      return m;
  }
}

}  // namespace

absl::StatusOr<ForestEvaluation> evaluate_forest(const Forest& forest, std::span<const double> inputs, size_t rows) {
  const auto features = static_cast<size_t>(forest.features);
  if (inputs.size() != rows * features) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", rows, " events of ", features, " features, found ", inputs.size(), " numbers"));
  }
  ForestEvaluation result;
  result.margins.reserve(rows * static_cast<size_t>(forest.outputs));
  result.leaves.reserve(rows * forest.trees.size());
  Totals totals(forest);
  std::vector<double> event(features);
  const bool nan_is_zero = knows_missing(forest);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t f = 0; f < features; ++f) {
      const double x = inputs[row * features + f];
      event[f] = forest.single_precision_inputs ? static_cast<double>(static_cast<float>(x)) : x;
    }
    totals.begin();
    for (size_t t = 0; t < forest.trees.size(); ++t) {
      auto leaf = descend(forest, t, event.data(), row, nan_is_zero);
      if (!leaf.ok()) return leaf.status();
      totals.add(t, **leaf);
      result.leaves.push_back((*leaf)->file_id);
    }
    for (size_t k = 0; k < static_cast<size_t>(forest.outputs); ++k) result.margins.push_back(totals.margin(k));
  }
  return result;
}

void apply_post_transform(const Forest& forest, std::span<double> margins) {
  for (double& m : margins) m *= forest.post_scale;
  const auto outputs = static_cast<size_t>(forest.outputs);
  for (size_t row = 0; row + outputs <= margins.size(); row += outputs) {
    const std::span<double> event = margins.subspan(row, outputs);
    if (forest.post == PostTransform::kSoftmax || forest.post == PostTransform::kSoftmaxZero) {
      softmax(event, forest.post == PostTransform::kSoftmaxZero);
    } else if (forest.post == PostTransform::kNormalise) {
      double sum = 0;
      for (const double m : event) sum += m;
      for (double& m : event) m /= sum;
    } else {
      for (double& m : event) m = transformed(forest.post, m);
    }
  }
}

}  // namespace strobe::import
