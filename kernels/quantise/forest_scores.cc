#include "kernels/quantise/forest_scores.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace strobe::quantise {
namespace {

using import::Aggregation;
using import::Forest;
using model::FixedType;

constexpr int kWidest = 62;

/// Of the numbers that a fixed-point format holds exactly: how many bits after the point one needs.
int fraction_of(double value) {
  if (value == 0) return 0;
  int exponent = 0;
  auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(value, &exponent), 53));
  exponent -= 53;
  while (mantissa % 2 == 0) {
    mantissa /= 2;
    ++exponent;
  }
  return -exponent;
}

/// Leaf values and base as they add up in the margin: scale and averaging are folded in.
struct Summands {
  std::vector<double> leaf, base;
  bool exact = true;  ///< folding lost nothing
  bool extreme = false, maximum = false;
  std::vector<int64_t> trees;  ///< per output: how many add to it
};

Summands summands(const Forest& forest, const std::vector<int64_t>& leaves, const std::vector<int64_t>& leaf_tree) {
  Summands s;
  s.trees.assign(forest.outputs, 0);
  for (const auto& tree : forest.trees) {
    for (int32_t k = 0; k < forest.outputs; ++k) s.trees[k] += tree.output < 0 || tree.output == k;
  }
  s.extreme = forest.aggregation == Aggregation::kMinimum || forest.aggregation == Aggregation::kMaximum;
  s.maximum = (forest.aggregation == Aggregation::kMaximum) != (forest.scale < 0);
  const auto folded = [&](double value, int64_t divisor) {
    const double result = value * forest.scale / static_cast<double>(divisor);
    s.exact = s.exact && std::fma(value, forest.scale, -(value * forest.scale)) == 0 &&
              std::fma(result, static_cast<double>(divisor), -(value * forest.scale)) == 0;
    return result;
  };
  for (size_t i = 0; i < leaves.size(); ++i) {
    for (int32_t w = 0; w < forest.leaf_width; ++w) {
      const int32_t tree_output = forest.trees[leaf_tree[i]].output;
      const int64_t trees = s.trees[tree_output < 0 ? w : tree_output];
      const double value = forest.leaf_values[leaves[i] * forest.leaf_width + w];
      s.leaf.push_back(folded(value, forest.aggregation == Aggregation::kAverage ? trees : 1));
    }
  }
  for (const double base : forest.base) s.base.push_back(folded(base, 1));
  return s;
}

FixedType covering(int64_t low, int64_t high, int fraction) {
  const auto magnitude = static_cast<uint64_t>(std::max(low < 0 ? -(low + 1) : low, high < 0 ? -(high + 1) : high));
  const int width = std::max(static_cast<int>(std::bit_width(magnitude)) + (low < 0 ? 1 : 0), 1);
  return {low < 0, width, width - fraction};
}

absl::Status too_wide(int fraction, const ForestConfig& config) {
  return absl::InvalidArgumentError(
      absl::StrCat("the forest's scores with ", fraction, " bits after the point are wider than ", kWidest, " bits; ",
                   config.score_error ? "ask for a larger ScoreError" : "ScoreError: exact is not possible"));
}

/// Rounds to the nearest; false beyond the widest.
bool round_all(const std::vector<double>& values, int fraction, std::vector<int64_t>& raw) {
  for (const double value : values) {
    const double steps = std::nearbyint(std::ldexp(value, fraction));
    if (!(std::abs(steps) < std::ldexp(1.0, kWidest))) return false;
    raw.push_back(static_cast<int64_t>(steps));
  }
  return true;
}

/// The range of each output's margin, over all ways through the trees; false beyond the widest.
bool sum_range(const Forest& forest, const ForestScores& scores, const Summands& s,
               const std::vector<int64_t>& leaf_tree, model::Wide& low, model::Wide& high) {
  const auto trees = static_cast<int64_t>(forest.trees.size());
  const int32_t width = forest.leaf_width;
  std::vector<int64_t> least(trees * width, INT64_MAX), most(trees * width, INT64_MIN);
  for (size_t i = 0; i < leaf_tree.size(); ++i) {
    for (int32_t w = 0; w < width; ++w) {
      int64_t& l = least[leaf_tree[i] * width + w];
      int64_t& m = most[leaf_tree[i] * width + w];
      l = std::min(l, scores.leaf_raw[i * width + w]);
      m = std::max(m, scores.leaf_raw[i * width + w]);
    }
  }
  std::vector<model::Wide> first(forest.outputs, 0), last(forest.outputs, 0);
  std::vector<bool> seen(forest.outputs);
  for (int64_t t = 0; t < trees; ++t) {
    for (int32_t w = 0; w < width; ++w) {
      const int32_t k = forest.trees[t].output < 0 ? w : forest.trees[t].output;
      const model::Wide a = least[t * width + w], b = most[t * width + w];
      first[k] = !s.extreme ? first[k] + a : !seen[k] ? a : s.maximum ? std::max(first[k], a) : std::min(first[k], a);
      last[k] = !s.extreme ? last[k] + b : !seen[k] ? b : s.maximum ? std::max(last[k], b) : std::min(last[k], b);
      seen[k] = true;
    }
  }
  low = high = scores.base_raw[0] + first[0];
  for (int32_t k = 0; k < forest.outputs; ++k) {
    low = std::min(low, scores.base_raw[k] + first[k]);
    high = std::max(high, scores.base_raw[k] + last[k]);
  }
  const model::Wide limit = model::Wide{1} << kWidest;
  return low >= -limit && high < limit;
}

FixedType covering(const std::vector<int64_t>& raw, int fraction) {
  const auto [low, high] = std::minmax_element(raw.begin(), raw.end());
  return covering(*low, *high, fraction);
}

/// strobe's own: sums exact, leaves on a grid as fine as the requested error needs, or as the values are.
absl::StatusOr<ForestScores> own_scores(const Forest& forest, const ForestConfig& config, const Summands& s,
                                        const std::vector<int64_t>& leaf_tree) {
  ForestScores scores;
  int exact = 0;
  for (const auto* values : {&s.leaf, &s.base}) {
    for (const double value : *values) exact = std::max(exact, fraction_of(value));
  }
  const int64_t most = s.extreme ? 1 : *std::max_element(s.trees.begin(), s.trees.end());
  const auto summands = static_cast<double>(most + 1);
  int fraction = exact;
  if (config.score) {
    fraction = config.score->fraction();
  } else if (config.score_error) {
    fraction = std::min(exact, static_cast<int>(std::ceil(std::log2(summands / *config.score_error))) - 1);
  } else if (!s.exact) {
    return absl::InvalidArgumentError(
        "ScoreError: exact is not possible: leaf values divided by the number of trees, or scaled, are not exact");
  }
  if (!round_all(s.leaf, fraction, scores.leaf_raw) || !round_all(s.base, fraction, scores.base_raw))
    return too_wide(fraction, config);
  model::Wide low = 0, high = 0;
  if (!sum_range(forest, scores, s, leaf_tree, low, high)) return too_wide(fraction, config);
  scores.leaf = covering(scores.leaf_raw, fraction);
  scores.base = covering(scores.base_raw, fraction);
  scores.result =
      config.score ? *config.score : covering(static_cast<int64_t>(low), static_cast<int64_t>(high), fraction);
  scores.sum = !s.extreme ? "exact" : s.maximum ? "maximum" : "minimum";
  scores.error = fraction < exact || !s.exact ? summands * std::ldexp(0.5, -fraction) : 0;
  return scores;
}

/// conifer's: everything cast to the score type, which also accumulates.
absl::StatusOr<ForestScores> conifer_scores(const Forest& forest, const ForestConfig& config,
                                            const std::vector<int64_t>& leaves) {
  if (forest.aggregation != Aggregation::kSum)
    return absl::InvalidArgumentError("Compatibility: conifer adds trees; this forest has another aggregation");
  const FixedType type = *config.score;
  ForestScores scores;
  for (const int64_t leaf : leaves) {
    for (int32_t w = 0; w < forest.leaf_width; ++w)
      scores.leaf_raw.push_back(model::cast(forest.leaf_values[leaf * forest.leaf_width + w], type));
  }
  for (const double base : forest.base) scores.base_raw.push_back(model::cast(base, type));
  const int64_t norm = model::cast(forest.scale, type);
  if (model::to_double(norm, type) != 1) scores.scale = model::Constant{{{1}, {type}}, {norm}};
  scores.leaf = scores.base = scores.result = type;
  scores.accumulator = type;
  scores.sum = config.sum == ForestConfig::Sum::kBalanced ? "balanced" : "file_order";
  return scores;
}

}  // namespace

absl::StatusOr<ForestScores> score_forest(const Forest& forest, const ForestConfig& config,
                                          const std::vector<int64_t>& leaves, const std::vector<int64_t>& leaf_tree) {
  for (const auto* values : {&forest.leaf_values, &forest.base}) {
    for (const double value : *values) {
      if (!std::isfinite(value)) return absl::InvalidArgumentError("a leaf value or base score is not finite");
    }
  }
  if (!std::isfinite(forest.scale)) return absl::InvalidArgumentError("the scale of the scores is not finite");
  if (config.conifer) return conifer_scores(forest, config, leaves);
  return own_scores(forest, config, summands(forest, leaves, leaf_tree), leaf_tree);
}

}  // namespace strobe::quantise
