#include "host/scan/widths.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace strobe::scan {
namespace {

struct Range {
  double low = 0, high = 0;
};

Range range_of(const std::vector<std::vector<double>>& lists) {
  Range range;
  for (const auto& list : lists) {
    for (const double v : list) {
      if (!std::isfinite(v)) continue;  // a missing value, or one that its conversion will refuse
      range.low = std::min(range.low, v);
      range.high = std::max(range.high, v);
    }
  }
  return range;
}

class Scan {
 public:
  Scan(const import::FloatModel& model, const Sample& sample, const WidthScanSettings& settings)
      : model_(model), sample_(sample), settings_(settings), events_(range_of(sample.inputs)) {}

  absl::StatusOr<WidthScan> run() {
    const auto base = quantise::quantise(model_, settings_.options);
    auto floating = float_scores(model_, base.ok() ? &base->graph : nullptr, sample_);
    if (!floating.ok()) return floating.status();
    floating_ = *std::move(floating);
    scores_ = range_of(floating_);
    WidthScan scan;
    scan.float_accuracy = accuracy_of(floating_, sample_);
    scan.points = list_points();
    for_each(
        scan.points.size(), settings_.threads, [&](size_t i) { evaluate_point(scan.points[i]); }, settings_.progress);
    scan.front = metrics::pareto_front(tradeoffs(scan.points));
    return scan;
  }

 private:
  std::vector<WidthPoint> list_points() const {
    std::vector<WidthPoint> points(1);
    points[0].options = settings_.options;
    for (const auto& input : settings_.axes.input) {
      for (const auto& weight : settings_.axes.weight) {
        for (const auto& score : settings_.axes.score) {
          if (!input && !weight && !score) continue;  // the first point
          WidthPoint point;
          point.widths = {input, weight, score};
          choose_types(point);
          points.push_back(std::move(point));
        }
      }
    }
    return points;
  }

  void choose_types(WidthPoint& point) const {
    point.options = settings_.options;
    if (point.widths.weight) point.options.weight_bits = point.widths.weight;
    if (point.widths.input) set_type(*point.widths.input, events_, "inputs", point.options.input_type, point.problem);
    if (point.widths.score) set_type(*point.widths.score, scores_, "scores", point.options.score_type, point.problem);
  }

  static void set_type(int bits, const Range& range, const char* what, std::optional<model::FixedType>& type,
                       std::string& problem) {
    auto chosen = type_for_range(range.low, range.high, bits);
    if (chosen.ok())
      type = *chosen;
    else
      problem = absl::StrCat(what, ": ", std::string(chosen.status().message()));
  }

  void evaluate_point(WidthPoint& point) const {
    if (!point.problem.empty()) return;
    const auto quantised = quantise::quantise(model_, point.options);
    absl::StatusOr<Figures> figures =
        quantised.ok() ? evaluate(quantised->graph, sample_, floating_) : absl::StatusOr<Figures>(quantised.status());
    if (figures.ok())
      point.figures = *std::move(figures);
    else
      point.problem = std::string(figures.status().message());
  }

  const import::FloatModel& model_;
  const Sample& sample_;
  const WidthScanSettings& settings_;
  Range events_, scores_;
  ScoreLists floating_;
};

std::string bits_text(const std::optional<int>& bits) { return bits ? absl::StrCat(*bits) : "-"; }

bool all_have(const std::vector<WidthPoint>& points, std::optional<double> Merit::*figure) {
  return std::all_of(points.begin(), points.end(),
                     [&](const WidthPoint& p) { return !p.problem.empty() || (p.figures.merit.*figure).has_value(); });
}

}  // namespace

std::string Widths::to_string() const {
  return absl::StrCat(bits_text(input), "/", bits_text(weight), "/", bits_text(score));
}

absl::StatusOr<model::FixedType> type_for_range(double low, double high, int bits) {
  const bool is_signed = low < 0;
  const int least = is_signed ? 2 : 1, most = model::FixedType::kMaxWidth - (is_signed ? 0 : 1);
  if (bits < least || bits > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(bits, " bits for numbers from ", low, " to ", high, "; expected ", least, " to ", most));
  }
  int integer = is_signed ? 1 : 0;  // of numbers below 1, fewer: the loops end at the first that holds them
  const auto holds = [&](int candidate) {
    const double limit = std::ldexp(1.0, candidate - (is_signed ? 1 : 0));
    return low >= -limit && high < limit;
  };
  while (!holds(integer)) ++integer;
  while (integer > -32 && holds(integer - 1)) --integer;
  return model::FixedType{is_signed, bits, integer, model::Rounding::kRnd, model::Overflow::kSat};
}

absl::StatusOr<WidthScan> scan_widths(const import::FloatModel& model, const Sample& sample,
                                      const WidthScanSettings& settings) {
  return Scan(model, sample, settings).run();
}

size_t point_count(const WidthAxes& axes) {
  const auto has_absent = [](const auto& axis) {
    return std::find(axis.begin(), axis.end(), std::nullopt) != axis.end();
  };
  const size_t repeats_first = has_absent(axes.input) && has_absent(axes.weight) && has_absent(axes.score) ? 1 : 0;
  return 1 + axes.input.size() * axes.weight.size() * axes.score.size() - repeats_first;
}

std::string merit_title(const std::vector<WidthPoint>& points) {
  if (all_have(points, &Merit::accuracy)) return "accuracy, %";
  if (all_have(points, &Merit::same_class)) return "same class as floating point, % of events";
  return "mean difference to floating point, negative";
}

std::vector<metrics::Tradeoff> tradeoffs(const std::vector<WidthPoint>& points) {
  const bool labelled = all_have(points, &Merit::accuracy), classed = all_have(points, &Merit::same_class);
  std::vector<metrics::Tradeoff> result;
  for (const WidthPoint& point : points) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    metrics::Tradeoff t{kNone, kNone, point.widths.to_string()};
    if (point.problem.empty()) {
      const Merit& merit = point.figures.merit;
      t.cost = point.figures.cost.bit_operations;
      t.merit = labelled ? 100 * *merit.accuracy : classed ? 100 * *merit.same_class : -merit.difference.mean;
    }
    result.push_back(std::move(t));
  }
  return result;
}

}  // namespace strobe::scan
