#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/formula/formula.h"
#include "kernels/model/fixed_type.h"
#include "kernels/quantise/piecewise.h"

namespace strobe::quantise {

/// A function of one variable that shall be computed in fixed point: functions()[index] of `scale` times the argument.
struct SmoothFunction {
  int index = 0;
  double parameter = 0;
  double scale = 1;
  formula::Domain domain{};
  double steepest = 0;  ///< its largest slope; infinite: it is steepest at the ends of its argument's range or at 0
  double gap = 0;       ///< with a pole at 0: how close to it arguments come
  bool zero_is_unread = false;  ///< an argument of 0 is no fault, whatever comes out

  double operator()(double x) const { return formula::functions()[index].evaluate(scale * x, parameter); }
};

/// The arguments origin + i 2^-fraction for i from 0 to size - 1, brought into [low, high].
struct ArgumentGrid {
  double origin = 0;
  int fraction = 0;
  int64_t size = 0;
  double low = 0, high = 0;
};

/// A piecewise polynomial in integers, by the number of a grid point, and how well it does.
struct IntegerFit {
  int degree = 0;
  std::vector<Piece> pieces;
  std::vector<int64_t> c[kHighestDegree + 1];  ///< coefficients of each cell
  int fraction = 0;                            ///< of the coefficients
  int result_fraction = 0;                     ///< of the result
  int t_bits = 0;                              ///< of t, the place in a cell, that matter
  double error = 0;                            ///< the largest difference to the function
  model::Wide low = 0, high = 0;               ///< limits of the result

  size_t cells() const { return c[0].size(); }
};

/// Fits functions, and keeps the fits: formulas have many functions of like arguments, and each is asked for again with
/// every budget that is tried.
class FunctionFits {
 public:
  /// A fit within `tolerance`, of constants or of polynomials of degree 1 to 3 over cells of 2^k grid points, k by
  /// pieces of the range, whichever costs least. Up to 2^16 points, its error is found by computing every point with
  /// the very integers of the fit; beyond, from 65 points of each cell, their second differences, and what is rounded.
  /// Valid until the next call. Errors: InvalidArgument where values are beyond 2^50 or too many cells are needed.
  absl::StatusOr<const IntegerFit*> fit(const SmoothFunction& f, const ArgumentGrid& grid, double tolerance);

  /// How often functions were computed, which is what fitting costs.
  int64_t evaluations() const { return evaluations_; }

 private:
  std::map<std::vector<double>, IntegerFit> kept_;
  size_t kept_cells_ = 0;
  int64_t evaluations_ = 0;
};

/// Bits after the point so that half a step is at most `error`.
int fraction_for(double error);

}  // namespace strobe::quantise
