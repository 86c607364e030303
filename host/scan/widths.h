#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/metrics/front_picture.h"
#include "host/scan/figures.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/quantise.h"

namespace strobe::scan {

/// Bits; absent: as `strobe compile` chooses where nothing is said.
struct Widths {
  std::optional<int> input, weight, score;
  std::string to_string() const;  ///< "8/6/12": input, weight, score; "-" where absent
};

/// What to try: every combination.
struct WidthAxes {
  std::vector<std::optional<int>> input, weight, score;
};

/// One combination: its figures, or why it cannot be.
struct WidthPoint {
  Widths widths;
  quantise::QuantiseOptions options;  ///< as `strobe compile` would be given them
  std::string problem;                ///< empty: `figures` hold
  Figures figures;
};

struct WidthScan {
  std::vector<WidthPoint> points;        ///< the first: everything as `strobe compile` chooses
  std::optional<double> float_accuracy;  ///< absent without labels
  std::vector<size_t> front;             ///< no other point has fewer bit operations and as much merit
};

struct WidthScanSettings {
  quantise::QuantiseOptions options;  ///< what all points have in common
  WidthAxes axes;
  int threads = 1;
  std::function<void(size_t done)> progress;  ///< called from any thread, one at a time; may be empty
};

/// The narrowest type of `bits` bits whose integer bits hold `low` to `high`: rounded, saturating, without a sign where
/// none is negative. Errors: InvalidArgument for a width that leaves no bit beside the sign.
absl::StatusOr<model::FixedType> type_for_range(double low, double high, int bits);

/// Quantises the model anew for each combination and runs all events. Integer bits of the input come from the largest
/// number among the events, those of the scores from the largest floating-point score, those of weights from the
/// largest weight. A combination that cannot be is kept with the reason. Errors: where the model cannot be evaluated in
/// floating point.
absl::StatusOr<WidthScan> scan_widths(const import::FloatModel& model, const Sample& sample,
                                      const WidthScanSettings& settings);

/// How many points `scan_widths` will try.
size_t point_count(const WidthAxes& axes);

/// The scan's points as cost (bit operations) and merit, for the front and the picture; points that cannot be are not
/// finite. Merit: accuracy in percent; without labels the share of the same class; of a single score the negative mean
/// difference.
std::vector<metrics::Tradeoff> tradeoffs(const std::vector<WidthPoint>& points);
std::string merit_title(const std::vector<WidthPoint>& points);

}  // namespace strobe::scan
