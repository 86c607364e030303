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
  std::vector<Cell> cells;  ///< none where there is no fit
  double cost = 0;          ///< in look-up tables, roughly
};

/// A smooth function at grid points 0 to size - 1, and between them.
struct GridFunction {
  std::function<double(double)> at;
  int64_t size = 0;
};

/// What a polynomial leaves of a function over a cell.
struct Difference {
  double low = 0, high = 0;  ///< of function minus polynomial, at the points that were looked at
  double bend = 0;           ///< twice what the second differences leave room for between them
  /// With the polynomial moved to the middle.
  double around_middle() const { return (high - low) / 2 + bend; }
};

/// Looks at each of up to 64 points of a cell of 2^log_cell, or at 65 of more. Ends early once `around_middle` exceeds
/// `most`.
Difference difference(const GridFunction& f, const Cell& cell, int64_t first, int64_t points, int log_cell,
                      double most);

/// Fits a function everywhere at the least cost: by constants to within half of `tolerance`, or by polynomials of
/// degree 1 to 3 to within a quarter, which leaves them as much for what their steps round. `entry_bits` is the width
/// of one coefficient. Computes the function some millions of times at most, whatever its grid's size. Without cells
/// where the function bends too much.
PiecewisePolynomial fit(const GridFunction& f, double tolerance, int entry_bits);

}  // namespace strobe::quantise
