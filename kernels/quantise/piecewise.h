#pragma once

#include <cstdint>
#include <vector>

namespace strobe::quantise {

/// Part of a range of grid points, cut into cells of 2^log_cell points. Its first cell has the number `base`.
struct Piece {
  int64_t start = 0;  ///< a multiple of the cell
  int log_cell = 0;
  int64_t base = 0;
};

/// A polynomial c0 + c1 t + c2 t^2 on each cell, t from 0 to below 1.
struct Cell {
  double c[3] = {0, 0, 0};
};

struct PiecewisePolynomial {
  int degree = 0;
  std::vector<Piece> pieces;
  std::vector<Cell> cells;
  double cost = 0;  ///< in look-up tables, roughly
};

/// Fits the values of a function at grid points 0, 1, 2, ... to within `tolerance` everywhere, at the least cost.
/// `entry_bits` is the width of one coefficient.
PiecewisePolynomial fit(const std::vector<double>& values, int degree, double tolerance, int entry_bits);

}  // namespace strobe::quantise
