#include "kernels/quantise/piecewise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace strobe::quantise {
namespace {

/// Rough costs in six-input look-up tables.
constexpr double kBitsPerTable = 50;
constexpr double kPieceCost = 60;
/// More cells than this are no good table.
constexpr int kMostCells = 1 << 14;
constexpr int kChecks = 64;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The polynomial through `count` points of (t, y), by Newton's divided differences.
Cell interpolate(const double* t, double* y, int count) {
  for (int order = 1; order < count; ++order) {
    for (int i = count - 1; i >= order; --i) y[i] = (y[i] - y[i - 1]) / (t[i] - t[i - order]);
  }
  Cell cell;
  for (int i = count - 1; i >= 0; --i) {  // the polynomial so far times (t - t_i), plus y_i
    for (int d = kHighestDegree; d > 0; --d) cell.c[d] = cell.c[d - 1] - t[i] * cell.c[d];
    cell.c[0] = y[i] - t[i] * cell.c[0];
  }
  return cell;
}

struct Fitted {
  Cell cell;
  double error = kInfinity;
};

/// A tree of dyadic blocks: a block is halved until each part fits, then it is found where equal cells over all of a
/// block are cheaper than cells of two sizes.
class Fitter {
 public:
  /// Gives up as soon as it needs more than `most_cells`.
  Fitter(const GridFunction& f, int degree, double tolerance, double cell_cost, double most_cells)
      : f_(f),
        degree_(degree),
        tolerance_(tolerance),
        cell_cost_(cell_cost),
        most_cells_(static_cast<int64_t>(std::min<double>(most_cells, kMostCells))) {
    int levels = 0;
    while ((int64_t{1} << levels) < f.size) ++levels;
    double low = kInfinity, high = -kInfinity;
    for (int i = 0; i <= 256; ++i) {
      const double y = f.at(static_cast<double>(f.size - 1) * i / 256);
      low = std::min(low, y);
      high = std::max(high, y);
    }
    largest_coefficient_ = 4 * (high - low);
    root_ = divide(levels, 0);
  }

  PiecewisePolynomial result() {
    PiecewisePolynomial result;
    result.degree = degree_;
    if (leaves_ > most_cells_ || blocks_[root_].cells > kMostCells) return result;
    result.cost = blocks_[root_].cost;
    add_pieces(blocks_[root_], result);
    return result;
  }

 private:
  struct Block {
    int level = 0;
    int64_t index = 0;
    int log_cell = 0;
    double cost = 0;
    int64_t cells = 1;
    bool split = false;
    int left = -1, right = -1;
  };

  int64_t points_of(int level, int64_t index) const {
    return std::min(int64_t{1} << level, f_.size - (index << level));
  }

  /// Through points close to where Chebyshev's lie, moved so that the largest errors up and down are equal. Of a lower
  /// degree where a cell that is mostly beyond the range would get coefficients out of proportion.
  /// Its error is only known to be too large where it exceeds `most`.
  Fitted fit_cell(int64_t first, int64_t points, int log_cell, double most) const {
    const double width = std::ldexp(1.0, log_cell), reach = static_cast<double>(points - 1);
    Fitted best;
    for (int nodes = static_cast<int>(std::min<int64_t>(degree_ + 1, points)); nodes > 0; --nodes) {
      double t[kHighestDegree + 1], y[kHighestDegree + 1];
      for (int i = 0; i < nodes; ++i) {
        const double place = (1 - std::cos(std::numbers::pi * (2 * i + 1) / (2 * nodes))) / 2;
        const double at = nodes == points ? i : place * reach;
        t[i] = at / width;
        y[i] = f_.at(static_cast<double>(first) + at);
      }
      Fitted fitted{interpolate(t, y, nodes), 0};
      const bool in_proportion = std::all_of(fitted.cell.c + 1, fitted.cell.c + kHighestDegree + 1,
                                             [&](double c) { return std::abs(c) <= largest_coefficient_; });
      if (!in_proportion && nodes > 1) continue;
      const Difference left = difference(f_, fitted.cell, first, points, log_cell, most);
      fitted.error = left.around_middle();
      fitted.cell.c[0] += (left.low + left.high) / 2;
      return fitted;
    }
    return best;
  }

  int divide(int level, int64_t index) {
    Block block{.level = level, .index = index, .cost = cell_cost_};
    const int64_t points = points_of(level, index);
    if (leaves_ > most_cells_) return add(block);
    if (level == 0 || fit_cell(index << level, points, level, tolerance_).error <= tolerance_) {
      block.log_cell = level;
      ++leaves_;
      return add(block);
    }
    block.left = divide(level - 1, 2 * index);
    if ((2 * index + 1) << (level - 1) < f_.size) block.right = divide(level - 1, 2 * index + 1);
    const Block left = blocks_[block.left];
    block.log_cell = left.log_cell;
    double halves = left.cost;
    int64_t cells_of_halves = left.cells;
    if (block.right >= 0) {
      block.log_cell = std::min(block.log_cell, blocks_[block.right].log_cell);
      halves += blocks_[block.right].cost + kPieceCost;
      cells_of_halves += blocks_[block.right].cells;
    }
    block.cells = (points + (int64_t{1} << block.log_cell) - 1) >> block.log_cell;
    block.cost = cell_cost_ * static_cast<double>(block.cells);
    block.split = halves < block.cost || block.cells > kMostCells;
    if (block.split) {
      block.cost = halves;
      block.cells = cells_of_halves;
    }
    return add(block);
  }

  int add(const Block& block) {
    blocks_.push_back(block);
    return static_cast<int>(blocks_.size() - 1);
  }

  void add_pieces(const Block& block, PiecewisePolynomial& result) const {
    if (block.split) {
      add_pieces(blocks_[block.left], result);
      if (block.right >= 0) add_pieces(blocks_[block.right], result);
      return;
    }
    const int64_t start = block.index << block.level, end = start + points_of(block.level, block.index);
    if (result.pieces.empty() || result.pieces.back().log_cell != block.log_cell)
      result.pieces.push_back({start, block.log_cell, static_cast<int64_t>(result.cells.size())});
    const int64_t width = int64_t{1} << block.log_cell;
    for (int64_t first = start; first < end; first += width)
      result.cells.push_back(fit_cell(first, std::min(width, end - first), block.log_cell, kInfinity).cell);
  }

  const GridFunction& f_;
  int degree_;
  double tolerance_;
  double cell_cost_;
  double largest_coefficient_ = 0;
  std::vector<Block> blocks_;
  int root_ = 0;
  int64_t most_cells_;
  int64_t leaves_ = 0;
};

/// How many cells constants, lines or parabolas need at least, going by how a finer fit bends within its cells: over an
/// interval of width h the best polynomial of degree d misses a function by h^(d+1) |f^(d+1)| / ((d+1)! 2^(2d+1)).
double least_cells(const PiecewisePolynomial& finer, int64_t size, int degree, double tolerance) {
  const Piece& last = finer.pieces.back();
  const auto cells = static_cast<int64_t>(finer.cells.size());
  double result = 0;
  for (int64_t i = 0; i < cells; ++i) {
    const Cell& cell = finer.cells[static_cast<size_t>(i)];
    double reach = 1;  // of t: the last cell is cut short where the grid ends
    if (i == cells - 1)
      reach = std::ldexp(static_cast<double>(size - last.start), -last.log_cell) - static_cast<double>(i - last.base);
    const double c1 = cell.c[1] * reach, c2 = cell.c[2] * reach * reach, c3 = cell.c[3] * reach * reach * reach;
    const double bend_left = 2 * c2, bend_right = 2 * c2 + 6 * c3;
    const double bend = bend_left * bend_right <= 0 ? 0 : std::min(std::abs(bend_left), std::abs(bend_right));
    if (degree == 0) result += std::abs(c1 + c2 + c3) / (2 * tolerance);
    if (degree == 1) result += std::sqrt(bend / (16 * tolerance));
    if (degree == 2) result += std::cbrt(std::abs(6 * c3) / (192 * tolerance));
  }
  return std::min(result, static_cast<double>(size) / (degree + 1));
}

}  // namespace

double value_at(const Cell& cell, double t) { return cell.c[0] + t * (cell.c[1] + t * (cell.c[2] + t * cell.c[3])); }

Difference difference(const GridFunction& f, const Cell& cell, int64_t first, int64_t points, int log_cell,
                      double most) {
  const bool every_one = points <= kChecks;
  const int64_t checks = every_one ? points : kChecks + 1;
  const double spacing = every_one ? 1 : static_cast<double>(points - 1) / kChecks;
  const double per_point = std::ldexp(1.0, -log_cell);
  Difference result{kInfinity, -kInfinity, 0};
  double before = 0, here = 0;
  for (int64_t i = 0; i < checks && (i == 0 || result.around_middle() <= most); ++i) {
    const double at = static_cast<double>(i) * spacing;
    const double next = f.at(static_cast<double>(first) + at) - value_at(cell, at * per_point);
    result.low = std::min(result.low, next);
    result.high = std::max(result.high, next);
    if (!every_one && i >= 2) result.bend = std::max(result.bend, std::abs(next - 2 * here + before) / 4);
    before = here;
    here = next;
  }
  return result;
}

PiecewisePolynomial fit(const GridFunction& f, double tolerance, int entry_bits) {
  PiecewisePolynomial best;
  // The highest degree first: it needs the fewest cells, and what it costs says which others are worth a try.
  for (int degree = kHighestDegree; degree >= 0; --degree) {
    const double allowed = degree == 0 ? tolerance / 2 : tolerance / 4;
    const double products = degree * (100.0 + entry_bits * 3.0);  // and what follows from them
    const double cell_cost = (degree + 1) * entry_bits / kBitsPerTable;
    double most_cells = kMostCells;
    if (degree < kHighestDegree) {
      most_cells = (best.cost - products) / cell_cost;
      if (least_cells(best, f.size, degree, allowed + tolerance / 4) > most_cells) continue;
    }
    PiecewisePolynomial next = Fitter(f, degree, allowed, cell_cost, most_cells).result();
    next.cost += products;
    if (next.cells.empty() && degree == kHighestDegree) break;
    if (!next.cells.empty() && (best.cells.empty() || next.cost <= best.cost)) best = std::move(next);
  }
  return best;
}

}  // namespace strobe::quantise
