#include "kernels/quantise/approximation.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "kernels/quantise/wide_root.h"

namespace strobe::quantise {

using model::FixedType;
using model::Overflow;
using model::Rounding;
using model::Wide;

namespace {

constexpr double kMostPoints = 0x1p44;

double in_domain(const formula::Domain& domain, double x) {
  x = std::clamp(x, domain.low, domain.high);
  if (domain.open_low && x == domain.low) x = std::nextafter(x, HUGE_VAL);
  if (domain.open_high && x == domain.high) x = std::nextafter(x, -HUGE_VAL);
  return x;
}

class Approximator {
 public:
  Approximator(StepWriter& writer, FunctionFits& fits, const SmoothFunction& f, double tolerance)
      : writer_(writer), fits_(fits), f_(f), tolerance_(tolerance) {}

  Approximation run(const ApproximatedArgument& argument) {
    StepId x = argument.step;
    double error = argument.error;
    narrow(argument);
    if (!limit(x)) return {};
    const int given = writer_.at(x).fraction;
    const int cut = choose_grid(given);
    if (cut < given) {
      x = writer_.cut(x, cut, Rounding::kTrn);
      error += (std::ldexp(1.0, -cut) - std::ldexp(1.0, -given)) / 2;
    }
    const StepId u = to_offset(x, given, cut);
    if (!writer_.status().ok()) return {};
    const ArgumentGrid grid = grid_of(given, cut);
    const auto fit = fits_.fit(f_, grid, tolerance_);
    if (!fit.ok()) {
      writer_.fail(fit.status());
      return {};
    }
    return {write_steps(**fit, u, cut), (*fit)->error + sensitivity(f_, grid.low, grid.high, error)};
  }

 private:
  bool refuse(const std::string& flaw) {
    writer_.fail(absl::InvalidArgumentError(flaw));
    return false;
  }

  /// The limits of the argument on its grid: those of its step, and those that are known of its exact value.
  void narrow(const ApproximatedArgument& argument) {
    const Step& step = writer_.at(argument.step);
    const auto on_grid = [&](double v) { return std::ldexp(v, step.fraction); };
    low_ = step.low;
    high_ = step.high;
    const double low = std::floor(on_grid(argument.low - argument.error));
    const double high = std::ceil(on_grid(argument.high + argument.error));
    if (low > static_cast<double>(low_)) low_ = static_cast<Wide>(low);
    if (high < static_cast<double>(high_)) high_ = static_cast<Wide>(high);
    known_low_ = low_;
    known_high_ = high_;
  }

  /// The same, within the domain.
  bool limit(StepId& x) {
    const Step& step = writer_.at(x);
    const double lower = std::ldexp(f_.domain.low, step.fraction), upper = std::ldexp(f_.domain.high, step.fraction);
    if (lower > static_cast<double>(low_)) low_ = static_cast<Wide>(std::ceil(lower));
    if (upper < static_cast<double>(high_)) high_ = static_cast<Wide>(std::floor(upper));
    if (f_.domain.open_low && static_cast<double>(low_) <= lower) ++low_;
    if (f_.domain.open_high && static_cast<double>(high_) >= upper) --high_;
    if (f_.domain.not_zero) {
      if (low_ < 0 && high_ > 0) f_.gap = std::ldexp(1.0, -step.fraction);
      if (low_ == 0) ++low_;
      if (high_ == 0) --high_;
      if (low_ < 0 && high_ > 0) x = without_zero(x);
    }
    return low_ <= high_ || refuse("its argument never has a value that the function is defined for");
  }

  /// 0 becomes one step of the grid, and is counted as a saturation of the difference.
  StepId without_zero(StepId x) {
    const Step step = writer_.at(x);
    const StepId zero = writer_.constant(0, 0), one = writer_.constant(1, 0);
    const StepId is_zero = writer_.select(zero, x, writer_.select(x, zero, one, zero), zero);
    const StepId half = writer_.cast(is_zero, FixedType::ufixed(1, 0, Rounding::kTrn, Overflow::kSat));
    return writer_.add(x, writer_.multiply(half, writer_.constant(1, step.fraction - 1)));
  }

  double value(Wide raw, int fraction) const { return std::ldexp(static_cast<double>(raw), -fraction); }

  /// The coarsest grid on which the argument may be cut.
  int choose_grid(int given) const {
    int fraction = given;
    if (f_.gap > 0) return given;
    const double low = value(low_, given), high = value(high_, given);
    while (fraction > given - 60) {
      const double distance = (std::ldexp(1.0, 1 - fraction) - std::ldexp(1.0, -given)) / 2;
      if (sensitivity(f_, low, high, distance) > tolerance_ / 4 || 4 * distance > high - low) break;
      --fraction;
    }
    return fraction;
  }

  /// The argument as a whole number of steps from its lower limit. What leaves the limits saturates.
  StepId to_offset(StepId x, int given, int cut) {
    const int shift = given - cut;
    first_ = low_ >> shift;
    const Wide last = high_ >> shift;
    points_ = static_cast<double>(last - first_) + 1;
    if (points_ > kMostPoints) {
      refuse(absl::StrFormat(
          "the error asked for needs its argument, %.6g to %.6g, to within %.2g, and there are %.2g such values; more "
          "than %.2g are too many: allow a larger OutputError, or give the inputs that it hangs on narrower types "
          "(InputPrecision)",
          value(low_, given), value(high_, given), std::ldexp(1.0, -cut), points_, kMostPoints));
      return x;
    }
    const auto offset = [&](Wide limit) { return writer_.constant(static_cast<int64_t>(limit), cut); };
    const auto saturating = [&](StepId step) {
      const Step& s = writer_.at(step);
      FixedType type = type_for(0, std::max<Wide>(s.high, 1), s.fraction, Rounding::kTrn);
      type.overflow = Overflow::kSat;
      return writer_.cast(step, type);
    };
    if (known_high_ > high_) x = writer_.subtract(offset(last), saturating(writer_.subtract(offset(last), x)));
    StepId u = writer_.subtract(x, offset(first_));
    if (known_low_ < low_) u = f_.zero_is_unread ? writer_.maximum(u, writer_.constant(0, 0)) : saturating(u);
    // What step by step could still lie outside does not.
    if (writer_.at(u).low < 0 || writer_.at(u).high > last - first_)
      u = writer_.cast(u, type_for(0, std::max<Wide>(last - first_, 1), writer_.at(u).fraction, Rounding::kTrn));
    return u;
  }

  /// A cut argument stands for the middle of what was cut.
  ArgumentGrid grid_of(int given, int cut) const {
    const double middle = (std::ldexp(1.0, -cut) - std::ldexp(1.0, -given)) / 2;
    return {value(first_, cut) + middle, cut, static_cast<int64_t>(points_), value(low_, given), value(high_, given)};
  }

  /// cell + t as one number: u over the size of its cell, moved to the cell's number.
  StepId position(const IntegerFit& p, StepId u, int cut) {
    StepId position = 0;
    for (size_t i = 0; i < p.pieces.size(); ++i) {
      const Piece& piece = p.pieces[i];
      const StepId scaled = writer_.scale(u, cut - piece.log_cell);
      const StepId here = writer_.add(scaled, writer_.constant(piece.base - (piece.start >> piece.log_cell), 0));
      position = i == 0 ? here : writer_.select(u, writer_.constant(piece.start, cut), here, position);
    }
    return position;
  }

  model::Constant table_of(const std::vector<int64_t>& entries, int fraction, size_t size) const {
    model::Constant table;
    table.raw = entries;
    table.raw.resize(size, entries.back());
    const auto [low, high] = std::minmax_element(entries.begin(), entries.end());
    table.type = {{static_cast<int64_t>(size)}, {type_for(*low, *high, fraction, Rounding::kTrn)}};
    return table;
  }

  StepId write_steps(const IntegerFit& fit, StepId u, int cut) {
    const StepId place = position(fit, u, cut);
    const auto cells = static_cast<int64_t>(fit.cells());
    // With several pieces the limits of a place are not known step by step: the table gets as many entries as its index
    // can address.
    const FixedType index_type = type_for(0, std::max<int64_t>(cells - 1, 1), 0, Rounding::kTrn);
    const StepId index = writer_.cast(place, index_type);
    size_t size = fit.cells();
    if (writer_.at(index).high >= cells) size = size_t{1} << index_type.width;
    const auto entry = [&](int d) { return writer_.lookup(table_of(fit.c[d], fit.fraction, size), index); };
    if (fit.degree == 0) return entry(0);
    // The difference lies in [0, 1), which step by step cannot be seen.
    const StepId rest = writer_.subtract(writer_.cut(place, fit.t_bits, Rounding::kTrn), index);
    const StepId t = writer_.cast(rest, FixedType::ufixed(std::max(fit.t_bits, 1), 0));
    StepId sum = entry(fit.degree);
    for (int d = fit.degree - 1; d > 0; --d)
      sum = writer_.add(entry(d), writer_.cut(writer_.multiply(sum, t), fit.fraction, Rounding::kTrn));
    const StepId y = writer_.add(entry(0), writer_.multiply(sum, t));
    // The limits of the result are known from the fit, better than step by step.
    return writer_.cast(y, type_for(fit.low, fit.high, fit.result_fraction, Rounding::kRnd));
  }

  StepWriter& writer_;
  FunctionFits& fits_;
  SmoothFunction f_;
  double tolerance_;
  Wide known_low_ = 0, known_high_ = 0;  ///< of the argument before its domain is looked at
  Wide low_ = 0, high_ = 0;              ///< of the argument, on the grid it comes on
  Wide first_ = 0;                       ///< the lower limit on the cut grid
  double points_ = 0;                    ///< of the cut grid
};

}  // namespace

double sensitivity(const SmoothFunction& f, double low, double high, double distance) {
  if (distance == 0) return 0;
  if (std::isfinite(f.steepest)) return f.steepest * distance;
  double largest = 0;
  const auto compare = [&](double a, double b) {
    largest = std::max(largest, std::abs(f(in_domain(f.domain, a)) - f(in_domain(f.domain, b))));
  };
  for (const double end : {low, high, -f.gap, f.gap}) {
    if (end < low || end > high || (end == 0 && f.domain.not_zero)) continue;
    compare(end, end - distance);
    compare(end, end + distance);
  }
  if (low < distance && high > -distance && !f.domain.not_zero) {
    compare(0, distance);
    compare(0, -distance);
    compare(-distance / 2, distance / 2);
  }
  return largest;
}

Approximation approximate(StepWriter& writer, FunctionFits& fits, const SmoothFunction& f,
                          const ApproximatedArgument& x, double tolerance) {
  if (needs_wide_root(writer, f, x, tolerance)) return wide_root(writer, fits, f, x, tolerance);
  return Approximator(writer, fits, f, tolerance).run(x);
}

}  // namespace strobe::quantise
