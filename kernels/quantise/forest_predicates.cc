#include "kernels/quantise/forest_predicates.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace strobe::quantise {
namespace {

using import::ForestNode;
using import::MissingValues;
using import::SplitTest;

/// LightGBM takes values up to this for zero.
constexpr double kZero = 1e-35F;

Intervals category_set(const std::vector<int64_t>& categories, const RawGrid& grid) {
  Intervals set;
  for (const int64_t c : categories) {
    const auto value = static_cast<double>(c);
    const int64_t first = c > 0 ? grid.at_least(value) : grid.above(value - 1);  // cut towards zero
    append(set, {first, (c < 0 ? grid.above(value) : grid.at_least(value + 1)) - 1});
  }
  return set;
}

/// Of numbers alone.
Intervals numbers(const ForestNode& node, double t, const std::vector<int64_t>* categories, const RawGrid& grid) {
  Intervals set;
  switch (node.test) {
    case SplitTest::kLess:
      append(set, {grid.low(), grid.at_least(t) - 1});
      break;
    case SplitTest::kLessEqual:
      append(set, {grid.low(), grid.above(t) - 1});
      break;
    case SplitTest::kGreater:
      append(set, {grid.above(t), grid.high()});
      break;
    case SplitTest::kGreaterEqual:
      append(set, {grid.at_least(t), grid.high()});
      break;
    case SplitTest::kEqual:
      append(set, {grid.at_least(t), grid.above(t) - 1});
      break;
    case SplitTest::kNotEqual:
      append(set, {grid.low(), grid.at_least(t) - 1});
      append(set, {grid.above(t), grid.high()});
      break;
    case SplitTest::kInCategories:
      return category_set(*categories, grid);
  }
  return set;
}

}  // namespace

RawGrid::RawGrid(const model::FixedType& type, const model::InputEncoding& encoding)
    : ordered_floats_(encoding.kind == model::InputEncoding::Kind::kOrderedFloat),
      fraction_(type.fraction()),
      low_(type.is_signed && type.width > 0 ? static_cast<int64_t>(-type.max_raw() - 1) : 0),
      high_(static_cast<int64_t>(type.max_raw())),
      missing_(encoding.missing) {
  if (missing_ == low_) {
    ++low_;
  } else if (missing_ == high_) {
    --high_;
  }
}

int64_t RawGrid::at_least(double t) const { return first(t, true); }
int64_t RawGrid::above(double t) const { return first(t, false); }

int64_t RawGrid::first(double t, bool equal_counts) const {
  if (ordered_floats_) {
    const auto nearest = static_cast<float>(t);
    const bool reached = equal_counts ? static_cast<double>(nearest) >= t : static_cast<double>(nearest) > t;
    return std::clamp(int64_t{model::ordered_key(nearest)} + (reached ? 0 : 1), low_, high_ + 1);
  }
  double steps = std::ldexp(t, fraction_);
  if (steps == 0 && t > 0) steps = std::numeric_limits<double>::denorm_min();
  const double whole = std::ceil(steps);
  if (whole < static_cast<double>(low_)) return low_;
  if (whole > static_cast<double>(high_)) return high_ + 1;
  const bool beside = whole == steps && !equal_counts;
  return std::clamp(static_cast<int64_t>(whole) + (beside ? 1 : 0), low_, high_ + 1);
}

Intervals RawGrid::complement(const Intervals& set) const {
  int64_t next = missing_ ? std::min(*missing_, low_) : low_;
  const int64_t last = missing_ ? std::max(*missing_, high_) : high_;
  Intervals result;
  for (const Interval& i : set) {
    append(result, {next, i.low - 1});
    next = i.high + 1;
  }
  append(result, {next, last});
  return result;
}

Intervals true_set(const ForestNode& node, double threshold, const std::vector<int64_t>* categories,
                   const RawGrid& grid) {
  Intervals set = numbers(node, threshold, categories, grid);
  if (node.missing == MissingValues::kNanAndZero) {
    const Interval zero = {grid.at_least(-kZero), grid.above(kZero) - 1};
    set = without(set, zero);
    if (node.missing_goes_true && zero.low <= zero.high) set = joined(set, {zero});
  }
  if (!grid.missing()) return set;
  const bool missing_is_true = node.missing == MissingValues::kNone ? contains(set, 0) : node.missing_goes_true;
  return missing_is_true ? joined(set, {{*grid.missing(), *grid.missing()}}) : set;
}

Predicates::Answer Predicates::add(int64_t feature, const Intervals& set, const RawGrid& grid) {
  const Intervals others = grid.complement(set);
  if (set.empty() || others.empty()) return {others.empty(), 0, false};
  const bool swapped = others.size() != set.size() ? others.size() < set.size() : others.front().low < set.front().low;
  const auto [it, is_new] = known_.try_emplace({feature, swapped ? others : set}, static_cast<int64_t>(known_.size()));
  return {std::nullopt, it->second, swapped};
}

int64_t Predicates::idle(int64_t feature, const Intervals& set) {
  return known_.try_emplace({feature, set}, static_cast<int64_t>(known_.size())).first->second;
}

std::vector<int64_t> Predicates::finish(model::Node& node) const {
  std::vector<int64_t> features, begin = {0}, low, high, number(known_.size());
  for (const auto& [key, id] : known_) {
    number[id] = static_cast<int64_t>(features.size());
    features.push_back(key.first);
    for (const Interval& i : key.second) {
      low.push_back(i.low);
      high.push_back(i.high);
    }
    begin.push_back(static_cast<int64_t>(low.size()));
  }
  node.constants["predicate_feature"] = whole_numbers(std::move(features));
  node.constants["predicate_begin"] = whole_numbers(std::move(begin));
  node.constants["interval_low"] = whole_numbers(std::move(low));
  node.constants["interval_high"] = whole_numbers(std::move(high));
  return number;
}

model::Constant whole_numbers(std::vector<int64_t> values) {
  int width = 1;
  for (const int64_t v : values) {
    while (width < 64 && (v >> (width - 1)) != (v < 0 ? -1 : 0)) ++width;
  }
  const auto size = static_cast<int64_t>(values.size());
  return {{{size}, {model::FixedType::fixed(width, width)}}, std::move(values)};
}

}  // namespace strobe::quantise
