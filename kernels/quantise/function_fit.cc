#include "kernels/quantise/function_fit.h"

#include <algorithm>
#include <cmath>

namespace strobe::quantise {

using model::Rounding;
using model::Wide;

namespace {

/// Up to that many arguments are tried one by one; of more, some in each cell.
constexpr int64_t kMostTried = 1 << 16;
/// Of all fits that are kept, some tens of megabytes.
constexpr size_t kMostCellsKept = 1 << 20;

class Fitting {
 public:
  Fitting(const SmoothFunction& f, const ArgumentGrid& grid, double tolerance)
      : tolerance_(tolerance), function_{[this, &f, &grid](double i) { return value(f, grid, i); }, grid.size} {}

  absl::StatusOr<IntegerFit> run() {
    double largest = 0;
    for (int i = 0; i <= 64; ++i) {
      const double y = function_.at(static_cast<double>(function_.size - 1) * i / 64);
      if (!std::isfinite(y) || std::abs(y) > 0x1p50) return absl::InvalidArgumentError("its values go beyond 2^50");
      largest = std::max(largest, std::abs(y));
    }
    const int bits = std::max(4, fraction_for(tolerance_ / 4) + static_cast<int>(std::ceil(std::log2(largest + 1e-9))));
    const PiecewisePolynomial p = quantise::fit(function_, tolerance_, bits);
    if (p.cells.empty())
      return absl::InvalidArgumentError("it bends too much for the error asked for; allow more error");
    to_integers(p);
    if (function_.size <= kMostTried)
      measure_every_point();
    else
      measure_cells();
    return std::move(fit_);
  }

  int64_t evaluations() const { return evaluations_; }

 private:
  double value(const SmoothFunction& f, const ArgumentGrid& grid, double i) {
    double x = std::clamp(grid.origin + std::ldexp(i, -grid.fraction), grid.low, grid.high);
    if (f.gap > 0 && std::abs(x) < f.gap) x = x < 0 ? -f.gap : f.gap;
    ++evaluations_;
    return f(x);
  }

  /// Coefficients rounded to a grid on which all together lose a quarter of the tolerance; t as fine as that needs.
  void to_integers(const PiecewisePolynomial& p) {
    fit_.degree = p.degree;
    fit_.pieces = p.pieces;
    fit_.result_fraction = fraction_for(tolerance_ / 4);
    fit_.fraction = p.degree == 0 ? fit_.result_fraction : fraction_for(tolerance_ / (4.0 * (p.degree + 1)));
    double steepest = 0;
    for (const Cell& cell : p.cells) {
      for (int d = 0; d <= p.degree; ++d) fit_.c[d].push_back(std::llrint(std::ldexp(cell.c[d], fit_.fraction)));
      steepest = std::max(steepest, std::abs(cell.c[1]) + 2 * std::abs(cell.c[2]) + 3 * std::abs(cell.c[3]));
    }
    for (const Piece& piece : p.pieces) given_t_bits_ = std::max(given_t_bits_, piece.log_cell);
    const int needed = steepest > 0 ? static_cast<int>(std::ceil(std::log2(8 * steepest / tolerance_))) : 0;
    fit_.t_bits = std::clamp(needed, 0, given_t_bits_);
  }

  /// What the steps compute for the coefficients of a cell and t of t_bits, on the grid `result_fraction`.
  Wide computed(size_t cell, int64_t t) const {
    if (fit_.degree == 0) return fit_.c[0][cell];
    Wide sum = fit_.c[fit_.degree][cell];
    for (int d = fit_.degree - 1; d > 0; --d) sum = fit_.c[d][cell] + ((sum * t) >> fit_.t_bits);
    const Wide y = (static_cast<Wide>(fit_.c[0][cell]) << fit_.t_bits) + sum * t;
    return model::shift_right_rounded(y, fit_.fraction + fit_.t_bits - fit_.result_fraction, Rounding::kRnd);
  }

  /// Calls `visit(cell, first point, points, log_cell)` for each cell.
  template <class Visit>
  void each_cell(Visit visit) const {
    size_t piece = 0;
    for (size_t cell = 0; cell < fit_.cells(); ++cell) {
      while (piece + 1 < fit_.pieces.size() && fit_.pieces[piece + 1].base <= static_cast<int64_t>(cell)) ++piece;
      const Piece& here = fit_.pieces[piece];
      const int64_t width = int64_t{1} << here.log_cell;
      const int64_t first = here.start + (static_cast<int64_t>(cell) - here.base) * width;
      const int64_t next = piece + 1 < fit_.pieces.size() ? fit_.pieces[piece + 1].start : function_.size;
      visit(cell, first, std::min(width, next - first), here.log_cell);
    }
  }

  void measure_every_point() {
    bool is_first = true;
    each_cell([&](size_t cell, int64_t first, int64_t points, int log_cell) {
      const int up = fit_.t_bits - log_cell;
      for (int64_t i = 0; i < points; ++i) {
        const Wide y = computed(cell, up >= 0 ? i << up : i >> -up);
        fit_.low = is_first ? y : std::min(fit_.low, y);
        fit_.high = is_first ? y : std::max(fit_.high, y);
        is_first = false;
        const double exact = function_.at(static_cast<double>(first + i));
        fit_.error = std::max(fit_.error, std::abs(std::ldexp(static_cast<double>(y), -fit_.result_fraction) - exact));
      }
    });
  }

  /// Points of each cell, what their second differences leave between them, and all that the steps round.
  void measure_cells() {
    double low = HUGE_VAL, high = -HUGE_VAL, error = 0;
    each_cell([&](size_t cell, int64_t first, int64_t points, int log_cell) {
      Cell rounded;
      for (int d = 0; d <= fit_.degree; ++d)
        rounded.c[d] = std::ldexp(static_cast<double>(fit_.c[d][cell]), -fit_.fraction);
      const Difference left = difference(function_, rounded, first, points, log_cell, HUGE_VAL);
      error = std::max(error, std::max(std::abs(left.low), std::abs(left.high)) + left.bend);
      for (int i = 0; i <= 64; ++i) {
        const double y = function_.at(static_cast<double>(first) + static_cast<double>(points - 1) * i / 64);
        low = std::min(low, y);
        high = std::max(high, y);
      }
    });
    if (fit_.degree > 0) {
      error += fit_.degree * std::ldexp(1.0, -fit_.fraction) + std::ldexp(0.5, -fit_.result_fraction);
      if (fit_.t_bits < given_t_bits_) error += tolerance_ / 8;
    }
    const auto limit = [&](double y) { return static_cast<Wide>(std::llrint(std::ldexp(y, fit_.result_fraction))); };
    fit_.error = error;
    fit_.low = limit(low - 2 * error) - 1;
    fit_.high = limit(high + 2 * error) + 1;
  }

  double tolerance_;
  int64_t evaluations_ = 0;
  GridFunction function_;
  IntegerFit fit_;
  int given_t_bits_ = 0;  ///< of t in the largest cells
};

}  // namespace

absl::StatusOr<const IntegerFit*> FunctionFits::fit(const SmoothFunction& f, const ArgumentGrid& grid,
                                                    double tolerance) {
  const std::vector<double> key = {
      static_cast<double>(f.index),   f.parameter, f.scale,   f.gap,    grid.origin, static_cast<double>(grid.fraction),
      static_cast<double>(grid.size), grid.low,    grid.high, tolerance};
  if (const auto known = kept_.find(key); known != kept_.end()) return &known->second;
  Fitting fitting(f, grid, tolerance);
  auto fit = fitting.run();
  evaluations_ += fitting.evaluations();
  if (!fit.ok()) return fit.status();
  kept_cells_ += fit->cells();
  if (kept_cells_ > kMostCellsKept) {
    kept_.clear();
    kept_cells_ = fit->cells();
  }
  return &kept_.emplace(key, *std::move(fit)).first->second;
}

int fraction_for(double error) { return std::clamp(static_cast<int>(std::ceil(-std::log2(2 * error))), -60, 110); }

}  // namespace strobe::quantise
