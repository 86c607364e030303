#include "kernels/quantise/approximation.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/piecewise.h"

namespace strobe::quantise {

using model::FixedType;
using model::Overflow;
using model::Rounding;
using model::Wide;

namespace {

constexpr int64_t kMostPoints = 1 << 20;

double in_domain(const formula::Domain& domain, double x) {
  x = std::clamp(x, domain.low, domain.high);
  if (domain.open_low && x == domain.low) x = std::nextafter(x, HUGE_VAL);
  if (domain.open_high && x == domain.high) x = std::nextafter(x, -HUGE_VAL);
  return x;
}

/// Bits after the point so that half a step is at most `error`.
int fraction_for(double error) { return std::clamp(static_cast<int>(std::ceil(-std::log2(2 * error))), -60, 110); }

/// Coefficients as integers, all on one grid, and where the grid points' cells are.
struct Integers {
  int fraction = 0;         ///< of coefficients
  int result_fraction = 0;  ///< of the result
  int t_bits = 0;           ///< bits of t
  std::vector<int64_t> c[3];
};

class Approximator {
 public:
  Approximator(StepWriter& writer, const SmoothFunction& f, double tolerance)
      : writer_(writer), f_(f), tolerance_(tolerance) {}

  Approximation run(StepId x, double error) {
    if (!limit(x)) return {};
    const int given = writer_.at(x).fraction;
    const int cut = choose_grid(given);
    if (cut < given) {
      x = writer_.cut(x, cut, Rounding::kTrn);
      error += (std::ldexp(1.0, -cut) - std::ldexp(1.0, -given)) / 2;
    }
    const StepId u = to_offset(x, given, cut);
    if (!writer_.status().ok() || !evaluate_points(given, cut)) return {};
    return write(u, cut, error);
  }

 private:
  bool refuse(const std::string& flaw) {
    writer_.fail(absl::InvalidArgumentError(flaw));
    return false;
  }

  /// The limits of the argument on its grid: its own, within the domain.
  bool limit(StepId& x) {
    const Step& step = writer_.at(x);
    const double lower = std::ldexp(f_.domain.low, step.fraction), upper = std::ldexp(f_.domain.high, step.fraction);
    low_ = step.low;
    high_ = step.high;
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
    if (points_ > static_cast<double>(kMostPoints)) {
      refuse(absl::StrCat("its argument takes ", points_, " values, more than ", kMostPoints,
                          ", for the error asked for; cast its argument to a coarser type, or allow more error"));
      return x;
    }
    const auto offset = [&](Wide limit) { return writer_.constant(static_cast<int64_t>(limit), cut); };
    const auto saturating = [&](StepId step) {
      const Step& s = writer_.at(step);
      FixedType type = type_for(0, std::max<Wide>(s.high, 1), s.fraction, Rounding::kTrn);
      type.overflow = Overflow::kSat;
      return writer_.cast(step, type);
    };
    if (writer_.at(x).high > last) x = writer_.subtract(offset(last), saturating(writer_.subtract(offset(last), x)));
    StepId u = writer_.subtract(x, offset(first_));
    if (writer_.at(u).low < 0) u = saturating(u);
    return u;
  }

  /// The function at every grid point: a cut argument stands for the middle of what was cut.
  bool evaluate_points(int given, int cut) {
    const double middle = (std::ldexp(1.0, -cut) - std::ldexp(1.0, -given)) / 2;
    const double low = value(low_, given), high = value(high_, given);
    values_.resize(static_cast<size_t>(points_));
    for (size_t i = 0; i < values_.size(); ++i) {
      Wide raw = first_ + static_cast<Wide>(i);
      if (f_.domain.not_zero && raw == 0) raw = 1;
      const double x = std::clamp(value(raw, cut) + middle, low, high);
      values_[i] = f_.evaluate(x);
      if (!std::isfinite(values_[i]) || std::abs(values_[i]) > 0x1p50)
        return refuse(absl::StrCat("its value for ", x, " is beyond 2^50"));
    }
    argument_low_ = low;
    argument_high_ = high;
    return true;
  }

  /// Coefficients rounded to a grid on which all together lose a quarter of the tolerance.
  Integers integers_of(const PiecewisePolynomial& p) const {
    Integers result;
    result.result_fraction = fraction_for(tolerance_ / 4);
    result.fraction = p.degree == 0 ? result.result_fraction : fraction_for(tolerance_ / (4.0 * (p.degree + 1)));
    for (const Piece& piece : p.pieces) result.t_bits = std::max(result.t_bits, piece.log_cell);
    for (const Cell& cell : p.cells) {
      for (int d = 0; d <= p.degree; ++d) result.c[d].push_back(std::llrint(std::ldexp(cell.c[d], result.fraction)));
    }
    return result;
  }

  /// What the steps compute for t and the coefficients of a cell; its grid is `result_fraction`.
  static Wide computed(const Integers& n, int degree, size_t cell, int64_t t) {
    if (degree == 0) return n.c[0][cell];
    Wide slope = n.c[1][cell];
    if (degree == 2) slope += (static_cast<Wide>(n.c[2][cell]) * t) >> n.t_bits;
    const Wide y = (static_cast<Wide>(n.c[0][cell]) << n.t_bits) + slope * t;
    return model::shift_right_rounded(y, n.fraction + n.t_bits - n.result_fraction, Rounding::kRnd);
  }

  /// The largest difference between the steps and the function, over every point; limits of what the steps give.
  double measure(const PiecewisePolynomial& p, const Integers& n, Wide& low, Wide& high) const {
    double worst = 0;
    size_t piece = 0;
    for (size_t i = 0; i < values_.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      while (piece + 1 < p.pieces.size() && p.pieces[piece + 1].start <= at) ++piece;
      const Piece& here = p.pieces[piece];
      const auto cell = static_cast<size_t>(((at - here.start) >> here.log_cell) + here.base);
      const int64_t t = (at & ((int64_t{1} << here.log_cell) - 1)) << (n.t_bits - here.log_cell);
      const Wide y = computed(n, p.degree, cell, t);
      low = i == 0 ? y : std::min(low, y);
      high = i == 0 ? y : std::max(high, y);
      worst = std::max(worst, std::abs(value(y, n.result_fraction) - values_[i]));
    }
    return worst;
  }

  Approximation write(StepId u, int cut, double error) {
    const int bits = std::max(4, fraction_for(tolerance_ / 4) + static_cast<int>(std::ceil(std::log2(span() + 1e-9))));
    std::optional<PiecewisePolynomial> best;
    for (int degree = 0; degree <= 2; ++degree) {
      const double tolerance = degree == 0 ? tolerance_ / 2 : tolerance_ / 4;
      PiecewisePolynomial candidate = fit(values_, degree, tolerance, bits);
      if (!best || candidate.cost < best->cost) best = std::move(candidate);
    }
    const Integers n = integers_of(*best);
    Wide low = 0, high = 0;
    const double own = measure(*best, n, low, high);
    const StepId y = write_steps(*best, n, u, cut, low, high);
    return {y, own + sensitivity(f_, argument_low_, argument_high_, error)};
  }

  double span() const {
    const auto [low, high] = std::minmax_element(values_.begin(), values_.end());
    return std::max(*high - *low, std::max(std::abs(*low), std::abs(*high)));
  }

  /// cell + t as one number: u over the size of its cell, moved to the cell's number.
  StepId position(const PiecewisePolynomial& p, StepId u, int cut) {
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

  StepId write_steps(const PiecewisePolynomial& p, const Integers& n, StepId u, int cut, Wide low, Wide high) {
    const StepId place = position(p, u, cut);
    const auto cells = static_cast<int64_t>(p.cells.size());
    // With several pieces the limits of a place are not known step by step: the table gets as many entries as its index
    // can address.
    const FixedType index_type = type_for(0, std::max<int64_t>(cells - 1, 1), 0, Rounding::kTrn);
    const StepId index = writer_.cast(place, index_type);
    size_t size = static_cast<size_t>(cells);
    if (writer_.at(index).high >= cells) size = size_t{1} << index_type.width;
    const auto entry = [&](int d) { return writer_.lookup(table_of(n.c[d], n.fraction, size), index); };
    if (p.degree == 0) return entry(0);
    const StepId t = writer_.subtract(place, index);
    StepId slope = entry(1);
    if (p.degree == 2)
      slope = writer_.add(slope, writer_.cut(writer_.multiply(entry(2), t), n.fraction, Rounding::kTrn));
    const StepId y = writer_.add(entry(0), writer_.multiply(slope, t));
    // The limits of the result are known from every point, better than step by step.
    return writer_.cast(y, type_for(low, high, n.result_fraction, Rounding::kRnd));
  }

  StepWriter& writer_;
  SmoothFunction f_;
  double tolerance_;
  Wide low_ = 0, high_ = 0;     ///< of the argument, on the grid it comes on
  Wide first_ = 0;              ///< the lower limit on the cut grid
  double points_ = 0;           ///< of the cut grid
  std::vector<double> values_;  ///< of the function at each of them
  double argument_low_ = 0, argument_high_ = 0;
};

}  // namespace

double sensitivity(const SmoothFunction& f, double low, double high, double distance) {
  if (distance == 0) return 0;
  if (std::isfinite(f.steepest)) return f.steepest * distance;
  double largest = 0;
  const auto compare = [&](double a, double b) {
    largest = std::max(largest, std::abs(f.evaluate(in_domain(f.domain, a)) - f.evaluate(in_domain(f.domain, b))));
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

Approximation approximate(StepWriter& writer, const SmoothFunction& f, StepId x, double error, double tolerance) {
  return Approximator(writer, f, tolerance).run(x, error);
}

}  // namespace strobe::quantise
