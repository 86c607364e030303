#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

/// A decision forest as its file has it: splits and leaves in floating point, conventions kept, no arithmetic yet.
namespace strobe::import {

/// What a split asks of a feature's value x; the answer "true" goes to `if_true`.
enum class SplitTest : uint8_t {
  kLess,          ///< x < threshold
  kLessEqual,     ///< x <= threshold
  kGreater,       ///< x > threshold
  kGreaterEqual,  ///< x >= threshold
  kEqual,         ///< x == threshold
  kNotEqual,      ///< x != threshold
  kInCategories,  ///< x, cut to an integer (towards 0), is a member of the split's category set
};

/// Which values of x a split takes for missing; those go where `missing_goes_true` says.
enum class MissingValues : uint8_t {
  kNone,        ///< none: a NaN is an error of the event, or 0 where other splits know some (`knows_missing`)
  kNan,         ///< NaN
  kNanAndZero,  ///< NaN, and every |x| <= 1e-35 (LightGBM's zero_as_missing)
};

struct ForestNode {
  int32_t feature = -1;  ///< index of the input; -1: a leaf, or an oblique split (`projection`)
  SplitTest test = SplitTest::kLess;
  MissingValues missing = MissingValues::kNone;
  bool missing_goes_true = false;
  double threshold = 0;     ///< exact: a float32 of the file is held as such; infinite at most, never NaN
  int32_t if_true = -1;     ///< index into `Forest::nodes`
  int32_t if_false = -1;    ///< index into `Forest::nodes`
  int32_t categories = -1;  ///< kInCategories: index into `Forest::category_sets`
  int32_t projection = -1;  ///< an oblique split: x is this projection (index into `Forest::projections`)
  int32_t leaf = -1;        ///< a leaf: its row in `Forest::leaf_values`
  int32_t file_id = 0;      ///< the framework's number of this node or leaf within its tree, as `--leaves` prints it

  bool is_leaf() const { return leaf >= 0; }
};

struct ForestTree {
  int32_t root = 0;     ///< index into `Forest::nodes`
  int32_t output = -1;  ///< the output that this tree's leaves add to; -1: each leaf has a value for every output
};

/// A linear combination of inputs, for oblique splits: one weight an input, zeros included.
using Projection = std::vector<double>;

enum class Aggregation : uint8_t { kSum, kAverage, kMinimum, kMaximum };

/// What turns margins into the framework's final answer; part of the model only where the user asks for it.
enum class PostTransform : uint8_t {
  kNone,
  kSigmoid,      ///< 1 / (1 + exp(-m)) of each output
  kSoftmax,      ///< over the outputs
  kSoftmaxZero,  ///< ONNX's: as kSoftmax, but a margin within 1e-7 of 0 stays as it is and is left out of the sum
  kExp,          ///< exp(m)
  kProbit,       ///< the inverse of the normal distribution function
  kNormalise,    ///< divided by the sum of the outputs
  kTanh,         ///< tanh(m): TMVA's gradient boosting
};

/// output[k] = (base[k] + aggregate over trees of leaf_values) * scale, then `post`.
struct Forest {
  int32_t features = 0;
  int32_t outputs = 1;
  std::vector<std::string> feature_names;  ///< empty, or one per feature
  std::vector<ForestNode> nodes;
  std::vector<ForestTree> trees;
  std::vector<std::vector<int64_t>> category_sets;  ///< sorted, no duplicates
  std::vector<Projection> projections;
  /// One row a leaf, shrinkage and tree weights included: rows of one value where trees have an output of their own,
  /// else of `outputs` values.
  std::vector<double> leaf_values;
  int32_t leaf_width = 1;
  std::vector<double> base;  ///< one per output
  double scale = 1;          ///< conifer's `norm`
  Aggregation aggregation = Aggregation::kSum;
  PostTransform post = PostTransform::kNone;
  double post_scale = 1;  ///< `post` gets output * post_scale: a forest whose probabilities, not margins, are averaged
  bool single_precision_inputs = true;  ///< the framework compares float32 values of the inputs; else float64
  /// The framework compares with the float32 value of `threshold`, which is the file's decimal (conifer's files of
  /// XGBoost forests). conifer itself uses the decimal in fixed point.
  bool single_precision_thresholds = false;
};

/// Whether any split knows missing values. Then a NaN is no error at those that know none: it counts as 0 there, as in
/// LightGBM, which alone writes such forests.
inline bool knows_missing(const Forest& forest) {
  return std::any_of(forest.nodes.begin(), forest.nodes.end(),
                     [](const ForestNode& n) { return !n.is_leaf() && n.missing != MissingValues::kNone; });
}

}  // namespace strobe::import
