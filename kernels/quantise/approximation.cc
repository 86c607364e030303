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

/// Up to that many arguments are tried one by one; of more, some in each cell.
constexpr double kMostTried = 1 << 16;
constexpr double kMostPoints = 0x1p44;

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
  std::vector<int64_t> c[kHighestDegree + 1];
};

class Approximator {
 public:
  Approximator(StepWriter& writer, const SmoothFunction& f, double tolerance)
      : writer_(writer), f_(f), tolerance_(tolerance) {}

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
    if (!writer_.status().ok() || !tabulate(given, cut)) return {};
    return write(u, cut, error);
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
      refuse(absl::StrCat("its argument takes ", points_,
                          " values for the error asked for; cast it to a coarser type, or allow more error"));
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
    if (known_low_ < low_) u = saturating(u);
    // What step by step could still lie outside does not.
    if (writer_.at(u).low < 0 || writer_.at(u).high > last - first_)
      u = writer_.cast(u, type_for(0, std::max<Wide>(last - first_, 1), writer_.at(u).fraction, Rounding::kTrn));
    return u;
  }

  /// The function of the number of a grid point: a cut argument stands for the middle of what was cut.
  bool tabulate(int given, int cut) {
    const double middle = (std::ldexp(1.0, -cut) - std::ldexp(1.0, -given)) / 2;
    argument_low_ = value(low_, given);
    argument_high_ = value(high_, given);
    const double origin = value(first_, cut) + middle;
    grid_.size = static_cast<int64_t>(points_);
    grid_.at = [this, origin, cut](double i) {
      double x = std::clamp(origin + std::ldexp(i, -cut), argument_low_, argument_high_);
      if (f_.gap > 0 && std::abs(x) < f_.gap) x = x < 0 ? -f_.gap : f_.gap;
      return f_.evaluate(x);
    };
    for (int i = 0; i <= 64; ++i) {
      const double y = grid_.at(i * (points_ - 1) / 64);
      if (!std::isfinite(y) || std::abs(y) > 0x1p50) return refuse("its values go beyond 2^50");
      largest_ = std::max(largest_, std::abs(y));
    }
    return true;
  }

  /// Coefficients rounded to a grid on which all together lose a quarter of the tolerance; t as fine as that needs.
  Integers integers_of(const PiecewisePolynomial& p) {
    Integers result;
    result.result_fraction = fraction_for(tolerance_ / 4);
    result.fraction = p.degree == 0 ? result.result_fraction : fraction_for(tolerance_ / (4.0 * (p.degree + 1)));
    for (const Piece& piece : p.pieces) result.t_bits = std::max(result.t_bits, piece.log_cell);
    double steepest = 0;
    for (const Cell& cell : p.cells) {
      for (int d = 0; d <= p.degree; ++d) result.c[d].push_back(std::llrint(std::ldexp(cell.c[d], result.fraction)));
      steepest = std::max(steepest, std::abs(cell.c[1]) + 2 * std::abs(cell.c[2]) + 3 * std::abs(cell.c[3]));
    }
    const int needed = steepest > 0 ? static_cast<int>(std::ceil(std::log2(8 * steepest / tolerance_))) : 0;
    t_cut_ = std::clamp(needed, 0, result.t_bits);
    return result;
  }

  /// What the steps compute for the coefficients of a cell and t of t_cut bits, on the grid `result_fraction`.
  Wide computed(const Integers& n, int degree, size_t cell, int64_t t) const {
    if (degree == 0) return n.c[0][cell];
    Wide sum = n.c[degree][cell];
    for (int d = degree - 1; d > 0; --d) sum = n.c[d][cell] + ((sum * t) >> t_cut_);
    const Wide y = (static_cast<Wide>(n.c[0][cell]) << t_cut_) + sum * t;
    return model::shift_right_rounded(y, n.fraction + t_cut_ - n.result_fraction, Rounding::kRnd);
  }

  /// What the steps give: its largest difference to the function, and its limits.
  struct Measured {
    double error = 0;
    Wide low = 0, high = 0;
  };

  /// Calls `visit(cell, first point, points, log_cell)` for each cell.
  template <class Visit>
  void each_cell(const PiecewisePolynomial& p, Visit visit) const {
    size_t piece = 0;
    for (size_t cell = 0; cell < p.cells.size(); ++cell) {
      while (piece + 1 < p.pieces.size() && p.pieces[piece + 1].base <= static_cast<int64_t>(cell)) ++piece;
      const Piece& here = p.pieces[piece];
      const int64_t width = int64_t{1} << here.log_cell;
      const int64_t first = here.start + (static_cast<int64_t>(cell) - here.base) * width;
      const int64_t next = piece + 1 < p.pieces.size() ? p.pieces[piece + 1].start : grid_.size;
      visit(cell, first, std::min(width, next - first), here.log_cell);
    }
  }

  /// Every point, with the steps' own integers.
  Measured measure_every_point(const PiecewisePolynomial& p, const Integers& n) const {
    Measured m;
    bool is_first = true;
    each_cell(p, [&](size_t cell, int64_t first, int64_t points, int log_cell) {
      const int up = t_cut_ - log_cell;
      for (int64_t i = 0; i < points; ++i) {
        const Wide y = computed(n, p.degree, cell, up >= 0 ? i << up : i >> -up);
        m.low = is_first ? y : std::min(m.low, y);
        m.high = is_first ? y : std::max(m.high, y);
        is_first = false;
        const double difference = value(y, n.result_fraction) - grid_.at(static_cast<double>(first + i));
        m.error = std::max(m.error, std::abs(difference));
      }
    });
    return m;
  }

  /// Points of each cell, what their second differences leave between them, and all that the steps round.
  Measured measure_cells(const PiecewisePolynomial& p, const Integers& n) const {
    double low = HUGE_VAL, high = -HUGE_VAL, error = 0;
    each_cell(p, [&](size_t cell, int64_t first, int64_t points, int log_cell) {
      Cell rounded;
      for (int d = 0; d <= p.degree; ++d) rounded.c[d] = std::ldexp(static_cast<double>(n.c[d][cell]), -n.fraction);
      error = std::max(error, largest_difference(grid_, rounded, first, points, log_cell));
      for (int i = 0; i <= 64; ++i) {
        const double y = grid_.at(static_cast<double>(first) + static_cast<double>(points - 1) * i / 64);
        low = std::min(low, y);
        high = std::max(high, y);
      }
    });
    error += p.degree * std::ldexp(1.0, -n.fraction) + std::ldexp(0.5, -n.result_fraction);
    if (t_cut_ < n.t_bits) error += tolerance_ / 8;
    const auto limit = [&](double y) { return static_cast<Wide>(std::llrint(std::ldexp(y, n.result_fraction))); };
    return {error, limit(low - 2 * error) - 1, limit(high + 2 * error) + 1};
  }

  Approximation write(StepId u, int cut, double error) {
    const int bits =
        std::max(4, fraction_for(tolerance_ / 4) + static_cast<int>(std::ceil(std::log2(largest_ + 1e-9))));
    std::optional<PiecewisePolynomial> best;
    for (int degree = 0; degree <= kHighestDegree; ++degree) {
      PiecewisePolynomial candidate = fit(grid_, degree, degree == 0 ? tolerance_ / 2 : tolerance_ / 4, bits);
      if (!best || candidate.cost < best->cost) best = std::move(candidate);
    }
    if (best->cells.empty()) {
      refuse("it bends too much for the error asked for; allow more error");
      return {};
    }
    const Integers n = integers_of(*best);
    const bool every_point = points_ <= kMostTried || best->degree == 0;
    const Measured m = every_point ? measure_every_point(*best, n) : measure_cells(*best, n);
    const StepId y = write_steps(*best, n, u, cut, m.low, m.high);
    return {y, m.error + sensitivity(f_, argument_low_, argument_high_, error)};
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
    // The difference lies in [0, 1), which step by step cannot be seen.
    const StepId rest = writer_.subtract(writer_.cut(place, t_cut_, Rounding::kTrn), index);
    const StepId t = writer_.cast(rest, FixedType::ufixed(std::max(t_cut_, 1), 0));
    StepId sum = entry(p.degree);
    for (int d = p.degree - 1; d > 0; --d)
      sum = writer_.add(entry(d), writer_.cut(writer_.multiply(sum, t), n.fraction, Rounding::kTrn));
    const StepId y = writer_.add(entry(0), writer_.multiply(sum, t));
    // The limits of the result are known from every point, better than step by step.
    return writer_.cast(y, type_for(low, high, n.result_fraction, Rounding::kRnd));
  }

  StepWriter& writer_;
  SmoothFunction f_;
  double tolerance_;
  Wide known_low_ = 0, known_high_ = 0;  ///< of the argument before its domain is looked at
  Wide low_ = 0, high_ = 0;              ///< of the argument, on the grid it comes on
  Wide first_ = 0;                       ///< the lower limit on the cut grid
  double points_ = 0;                    ///< of the cut grid
  GridFunction grid_;                    ///< the function at each of them
  double largest_ = 0;                   ///< of its values, about
  int t_cut_ = 0;                        ///< bits of t that matter
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

Approximation approximate(StepWriter& writer, const SmoothFunction& f, const ApproximatedArgument& x,
                          double tolerance) {
  return Approximator(writer, f, tolerance).run(x);
}

}  // namespace strobe::quantise
