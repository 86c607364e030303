#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

/// How good scores are, and how much two sets of them differ.
namespace strobe::metrics {

/// Scores of events, rows x classes, row-major.
struct Scores {
  std::span<const double> values;
  size_t classes = 1;

  size_t rows() const { return classes == 0 ? 0 : values.size() / classes; }
  double at(size_t row, size_t of_class) const { return values[row * classes + of_class]; }
};

/// The class of the highest score of a row; of equal ones, the first.
size_t best_class(const Scores& scores, size_t row);

/// The share of rows whose best class is the label. With one score a row: above `threshold` is class 1.
double accuracy(const Scores& scores, std::span<const int64_t> labels, double threshold = 0.5);
/// The share of rows in which two sets of scores have the same best class.
double same_best_class(const Scores& a, const Scores& b, double threshold = 0.5);

struct Difference {
  double largest = 0;
  double mean = 0;  ///< of the absolute differences
};
/// Of two equally long runs of numbers. A NaN in one of them gives NaN.
Difference difference(std::span<const double> a, std::span<const double> b);

/// One point of a receiver operating characteristic: everything with a score of at least `threshold` is accepted.
struct RocPoint {
  double threshold = 0;
  double signal = 0;      ///< share of signal that is accepted
  double background = 0;  ///< share of background that is accepted
};

/// A share of events, and how far chance may move it.
struct WorkingPoint {
  /// Below this many events a point says little: its error is beyond 30 %.
  static constexpr size_t kFewEvents = 10;

  double share = 0;
  double error = 0;              ///< binomial standard deviation of the share
  size_t background_events = 0;  ///< that the point's threshold accepts

  bool rests_on_few() const { return background_events < kFewEvents; }
};

/// Signal against background by one score: a point for every distinct score, from nothing accepted to everything. Equal
/// scores enter together, so that ties are neither won nor lost.
struct Roc {
  std::vector<RocPoint> points;
  double area = 0.5;  ///< the probability that signal scores above background, ties counted half
  size_t signal_events = 0, background_events = 0;

  /// The background accepted at the tightest threshold that keeps at least this share of the signal.
  WorkingPoint background_at(double signal_efficiency) const;
  /// The signal kept at the loosest threshold that accepts at most this share of the background: what a trigger has at
  /// a given rate.
  WorkingPoint signal_at(double background_rate) const;
};

/// Errors: InvalidArgument for a NaN among the scores, or where signal or background has no event.
absl::StatusOr<Roc> make_roc(std::span<const double> scores, const std::vector<bool>& is_signal);

/// One class against all others, by that class's score. With one score a row there is one curve: class 1 against class
/// 0. A class without events (or of which all events are) has none.
std::vector<std::optional<Roc>> one_against_rest(const Scores& scores, std::span<const int64_t> labels);

/// Labels as class indices. `numbers` holds one label a row, or one number a class of which the largest is the label
/// (one-hot). Errors: InvalidArgument for a number of labels that is not `rows`, or a label that is no class.
absl::StatusOr<std::vector<int64_t>> class_labels(std::span<const double> numbers, size_t rows, size_t classes);

}  // namespace strobe::metrics
