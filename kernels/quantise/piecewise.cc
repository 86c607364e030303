#include "kernels/quantise/piecewise.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace strobe::quantise {
namespace {

/// Rough costs in six-input look-up tables.
constexpr double kBitsPerTable = 50;
constexpr double kPieceCost = 60;

/// The polynomial through the ends (and the middle) of a cell, moved so that its largest errors up and down are equal.
struct Fitted {
  Cell cell;
  double error = 0;
};

Fitted fit_cell(const std::vector<double>& values, int degree, int64_t first, int64_t points, int log_cell) {
  const double width = std::ldexp(1.0, log_cell);
  const double* y = values.data() + first;
  Fitted result;
  double* c = result.cell.c;
  c[0] = y[0];
  if (degree >= 1 && points >= 2) c[1] = (y[points - 1] - y[0]) / (static_cast<double>(points - 1) / width);
  if (degree == 2 && points >= 3) {
    const int64_t middle = (points - 1) / 2;
    const double tm = static_cast<double>(middle) / width, te = static_cast<double>(points - 1) / width;
    const double sm = (y[middle] - y[0]) / tm, se = (y[points - 1] - y[0]) / te;
    c[2] = (se - sm) / (te - tm);
    c[1] = sm - c[2] * tm;
  }
  double low = 0, high = 0;
  for (int64_t i = 0; i < points; ++i) {
    const double t = static_cast<double>(i) / width;
    const double difference = y[i] - (c[0] + t * (c[1] + t * c[2]));
    low = i == 0 ? difference : std::min(low, difference);
    high = i == 0 ? difference : std::max(high, difference);
  }
  c[0] += (low + high) / 2;
  result.error = (high - low) / 2;
  return result;
}

/// Finds for each dyadic block of the range the largest cell that fits all of it, and whether two halves of their own
/// are cheaper.
class Fitter {
 public:
  Fitter(const std::vector<double>& values, int degree, double tolerance, int entry_bits)
      : values_(values),
        size_(static_cast<int64_t>(values.size())),
        degree_(degree),
        tolerance_(tolerance),
        cell_cost_((degree + 1) * entry_bits / kBitsPerTable) {
    while ((int64_t{1} << levels_) < size_) ++levels_;
    std::vector<Block> blocks(size_);
    for (Block& block : blocks) block = {0, cell_cost_, false};
    blocks_.push_back(std::move(blocks));
    for (int level = 1; level <= levels_; ++level) blocks_.push_back(next_level(level));
  }

  PiecewisePolynomial result() {
    PiecewisePolynomial result;
    result.degree = degree_;
    result.cost = blocks_[levels_][0].cost;
    add_pieces(levels_, 0, result);
    return result;
  }

 private:
  struct Block {
    int log_cell = 0;
    double cost = 0;
    bool split = false;
  };

  int64_t points_of(int level, int64_t block) const { return std::min(int64_t{1} << level, size_ - (block << level)); }

  std::vector<Block> next_level(int level) {
    const std::vector<Block>& below = blocks_.back();
    std::vector<Block> blocks((size_ + (int64_t{1} << level) - 1) >> level);
    for (size_t i = 0; i < blocks.size(); ++i) {
      const Block& left = below[2 * i];
      const Block* right = 2 * i + 1 < below.size() ? &below[2 * i + 1] : nullptr;
      Block& block = blocks[i];
      block.log_cell = right == nullptr ? left.log_cell : std::min(left.log_cell, right->log_cell);
      const auto index = static_cast<int64_t>(i);
      const int64_t points = points_of(level, index);
      if (block.log_cell == level - 1 &&
          fit_cell(values_, degree_, index << level, points, level).error <= tolerance_) {
        block.log_cell = level;
      }
      const int64_t cells = (points + (int64_t{1} << block.log_cell) - 1) >> block.log_cell;
      block.cost = cell_cost_ * static_cast<double>(cells);
      const double halves = left.cost + (right == nullptr ? 0 : right->cost + kPieceCost);
      if (halves < block.cost) {
        block.cost = halves;
        block.split = true;
      }
    }
    return blocks;
  }

  void add_pieces(int level, int64_t index, PiecewisePolynomial& result) {
    if (static_cast<size_t>(index) >= blocks_[level].size()) return;
    const Block& block = blocks_[level][index];
    if (block.split) {
      add_pieces(level - 1, 2 * index, result);
      add_pieces(level - 1, 2 * index + 1, result);
      return;
    }
    const int64_t start = index << level, end = start + points_of(level, index);
    if (result.pieces.empty() || result.pieces.back().log_cell != block.log_cell)
      result.pieces.push_back({start, block.log_cell, static_cast<int64_t>(result.cells.size())});
    const int64_t width = int64_t{1} << block.log_cell;
    for (int64_t first = start; first < end; first += width) {
      result.cells.push_back(fit_cell(values_, degree_, first, std::min(width, end - first), block.log_cell).cell);
    }
  }

  const std::vector<double>& values_;
  int64_t size_;
  int degree_;
  double tolerance_;
  double cell_cost_;
  int levels_ = 0;
  std::vector<std::vector<Block>> blocks_;
};

}  // namespace

PiecewisePolynomial fit(const std::vector<double>& values, int degree, double tolerance, int entry_bits) {
  PiecewisePolynomial result = Fitter(values, degree, tolerance, entry_bits).result();
  // A product each, and what follows from it.
  result.cost += degree * (100.0 + entry_bits * 3.0);
  return result;
}

}  // namespace strobe::quantise
