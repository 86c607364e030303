#include "host/metrics/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace strobe::metrics {

size_t best_class(const Scores& scores, size_t row) {
  const auto line = scores.values.subspan(row * scores.classes, scores.classes);
  return static_cast<size_t>(std::max_element(line.begin(), line.end()) - line.begin());
}

namespace {

size_t decision(const Scores& scores, size_t row, double threshold) {
  if (scores.classes == 1) return scores.values[row] > threshold ? 1 : 0;
  return best_class(scores, row);
}

template <typename Predicate>
double share(size_t rows, Predicate predicate) {
  size_t count = 0;
  for (size_t row = 0; row < rows; ++row) count += predicate(row) ? 1 : 0;
  return rows == 0 ? 0 : static_cast<double>(count) / static_cast<double>(rows);
}

}  // namespace

double accuracy(const Scores& scores, std::span<const int64_t> labels, double threshold) {
  return share(labels.size(),
               [&](size_t row) { return static_cast<int64_t>(decision(scores, row, threshold)) == labels[row]; });
}

double same_best_class(const Scores& a, const Scores& b, double threshold) {
  return share(a.rows(), [&](size_t row) { return decision(a, row, threshold) == decision(b, row, threshold); });
}

Difference difference(std::span<const double> a, std::span<const double> b) {
  Difference result;
  double sum = 0;
  const size_t count = std::min(a.size(), b.size());
  for (size_t i = 0; i < count; ++i) {
    // Equal infinities do not differ.
    const double d = a[i] == b[i] ? 0 : std::abs(a[i] - b[i]);
    if (!(d <= result.largest)) result.largest = d;
    sum += d;
  }
  result.mean = count == 0 ? 0 : sum / static_cast<double>(count);
  if (std::isnan(result.mean)) result.largest = result.mean;
  return result;
}

absl::StatusOr<Roc> make_roc(std::span<const double> scores, const std::vector<bool>& is_signal) {
  Roc roc;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i]))
      return absl::InvalidArgumentError(absl::StrCat("the score of event ", i, " is not a number"));
    ++(is_signal[i] ? roc.signal_events : roc.background_events);
  }
  if (roc.signal_events == 0 || roc.background_events == 0) {
    return absl::InvalidArgumentError(absl::StrCat("expected signal and background, found ", roc.signal_events, " and ",
                                                   roc.background_events, " events"));
  }
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  const auto all_signal = static_cast<double>(roc.signal_events),
             all_background = static_cast<double>(roc.background_events);
  size_t signal = 0, background = 0;
  // Twice the number of pairs (signal, background) in which signal has the higher score; a tie adds one.
  double doubled_wins = 0;
  roc.points.push_back({INFINITY, 0, 0});
  for (size_t i = 0; i < order.size();) {
    const double threshold = scores[order[i]];
    size_t tied_signal = 0, tied_background = 0;
    for (; i < order.size() && scores[order[i]] == threshold; ++i)
      ++(is_signal[order[i]] ? tied_signal : tied_background);
    doubled_wins += static_cast<double>(tied_background) * static_cast<double>(2 * signal + tied_signal);
    signal += tied_signal;
    background += tied_background;
    roc.points.push_back(
        {threshold, static_cast<double>(signal) / all_signal, static_cast<double>(background) / all_background});
  }
  roc.area = doubled_wins / (2 * all_signal * all_background);
  return roc;
}

namespace {

WorkingPoint working_point(double share, size_t events, double background, size_t background_events) {
  return {share, std::sqrt(share * (1 - share) / static_cast<double>(events)),
          static_cast<size_t>(std::llround(background * static_cast<double>(background_events)))};
}

}  // namespace

WorkingPoint Roc::background_at(double signal_efficiency) const {
  const auto found =
      std::find_if(points.begin(), points.end(), [&](const RocPoint& p) { return p.signal >= signal_efficiency; });
  const double background = found == points.end() ? 1 : found->background;
  return working_point(background, background_events, background, background_events);
}

WorkingPoint Roc::signal_at(double background_rate) const {
  const auto beyond =
      std::find_if(points.begin(), points.end(), [&](const RocPoint& p) { return p.background > background_rate; });
  const RocPoint last = beyond == points.begin() ? RocPoint{} : *std::prev(beyond);
  return working_point(last.signal, signal_events, last.background, background_events);
}

std::vector<std::optional<Roc>> one_against_rest(const Scores& scores, std::span<const int64_t> labels) {
  std::vector<std::optional<Roc>> curves;
  for (size_t c = 0; c < scores.classes; ++c) {
    std::vector<double> column(labels.size());
    std::vector<bool> is_signal(labels.size());
    for (size_t row = 0; row < labels.size(); ++row) {
      column[row] = scores.at(row, c);
      is_signal[row] = labels[row] == static_cast<int64_t>(scores.classes == 1 ? 1 : c);
    }
    auto roc = make_roc(column, is_signal);
    curves.push_back(roc.ok() ? std::optional(*std::move(roc)) : std::nullopt);
  }
  return curves;
}

absl::StatusOr<std::vector<int64_t>> class_labels(std::span<const double> numbers, size_t rows, size_t classes) {
  const bool one_hot = classes > 1 && numbers.size() == rows * classes && rows > 0;
  if (!one_hot && numbers.size() != rows) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected ", rows, " labels", classes > 1 ? absl::StrCat(" or ", rows, "x", classes, " numbers") : "",
        ", found ", numbers.size()));
  }
  std::vector<int64_t> labels(rows);
  const auto highest = static_cast<double>(std::max<size_t>(classes, 2) - 1);
  for (size_t row = 0; row < rows; ++row) {
    if (one_hot) {
      labels[row] = static_cast<int64_t>(best_class({numbers, classes}, row));
      continue;
    }
    const double label = numbers[row];
    if (!(label >= 0 && label <= highest && label == std::floor(label))) {
      return absl::InvalidArgumentError(
          absl::StrCat("label ", label, " of event ", row, "; expected a class, 0 to ", highest));
    }
    labels[row] = static_cast<int64_t>(label);
  }
  return labels;
}

}  // namespace strobe::metrics
