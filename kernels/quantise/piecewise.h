#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace strobe::quantise {

/// Part of a range of grid points, cut into cells of 2^log_cell points. Its first cell has the number `base`.
struct Piece {
  int64_t start = 0;  ///< a multiple of the cell
  int log_cell = 0;
  int64_t base = 0;
};

inline constexpr int kHighestDegree = 3;

/// A polynomial c0 + c1 t + c2 t^2 + c3 t^3 on each cell, t from 0 to below 1.
struct Cell {
  double c[kHighestDegree + 1] = {0, 0, 0, 0};
};

double value_at(const Cell& cell, double t);

struct PiecewisePolynomial {
  int degree = 0;
  std::vector<Piece> pieces;
  std::vector<Cell> cells;
  double cost = 0;  ///< in look-up tables, roughly; infinite where there is no fit of that degree
};

/// A smooth function at grid points 0 to size - 1, and between them.
struct GridFunction {
  std::function<double(double)> at;
  int64_t size = 0;
};

/// The largest difference between a polynomial and the function over a cell of 2^log_cell points: at each of up to 64
/// points, or at 65 of more, and then with twice what the second differences leave room for between these.
/// `middle` becomes the middle between the largest and the smallest difference.
double largest_difference(const GridFunction& f, const Cell& cell, int64_t first, int64_t points, int log_cell,
                          double* middle = nullptr);

/// Fits a function to within `tolerance` everywhere, at the least cost. `entry_bits` is the width of one coefficient.
PiecewisePolynomial fit(const GridFunction& f, int degree, double tolerance, int entry_bits);

}  // namespace strobe::quantise
