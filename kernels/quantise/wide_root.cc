#include "kernels/quantise/wide_root.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace strobe::quantise {

using model::FixedType;
using model::Overflow;
using model::Rounding;

namespace {

/// Beyond that many bits of its argument a root is a wide one: a fit would have a piece for each power of 2, and adds
/// up all their widths.
constexpr double kMostBits = 36;
/// Of what is cut to a coarser grid.
constexpr double kMostValueBits = 62;
/// The argument is brought to between 4^-kLeft and 1 of its limit.
constexpr int kLeft = 2;

int finer_than(double error) { return static_cast<int>(std::ceil(-std::log2(error))); }

class WideRoot {
 public:
  WideRoot(StepWriter& writer, FunctionFits& fits, const SmoothFunction& f, double tolerance)
      : writer_(writer), fits_(fits), f_(f), tolerance_(tolerance) {}

  Approximation run(const ApproximatedArgument& argument) {
    StepId x = not_negative(argument);
    log_limit_ = std::ilogb(std::max(std::sqrt(limit_of(argument)), tolerance_)) + 1;
    const double limit = std::ldexp(1.0, log_limit_);
    // What lies below this has a root of less than an eighth of the tolerance.
    const int needed = std::max(finer_than(tolerance_ / 8 / limit) - kLeft, kLeft);
    int stages = 0;
    while ((kLeft << stages) - kLeft < needed) ++stages;
    double error = tolerance_ / 8;
    std::vector<Stage> shifts;
    for (int stage = stages - 1; stage >= 0; --stage) {
      shifts.push_back({x, kLeft << stage});
      x = shifted(shifts.back(), error);
    }
    const double least = std::ldexp(1.0, 2 * (log_limit_ - kLeft));
    x = writer_.maximum(x, power_of_two(2 * (log_limit_ - kLeft)));
    const Approximation root = approximate(writer_, fits_, f_, {x, 0, least, limit * limit}, tolerance_ / 2);
    return {shifted_back(root.step, shifts, error),
            error + root.error + sensitivity(f_, 0, limit * limit, argument.error)};
  }

 private:
  struct Stage {
    StepId x = 0;
    int shift = 0;  ///< arguments below 4^-shift of the limit get 4^shift times as large
  };

  double limit_of(const ApproximatedArgument& x) const {
    return std::min(writer_.high(x.step), x.high + x.error) * (1 + 0x1p-40);
  }

  StepId power_of_two(int power) { return writer_.constant(1, -power); }

  /// Brought to 0 or more; what was below counts as a saturation.
  StepId not_negative(const ApproximatedArgument& argument) {
    const StepId x = argument.step, zero = writer_.constant(0, 0);
    if (writer_.at(x).low >= 0) return x;
    if (argument.low - argument.error >= 0) return writer_.maximum(x, zero);
    const StepId below = writer_.select(x, zero, zero, writer_.constant(-1, 0));
    const StepId counted = writer_.cast(below, FixedType::ufixed(1, 1, Rounding::kTrn, Overflow::kSat));
    return writer_.add(writer_.maximum(x, zero), counted);
  }

  /// x, or 4^shift x where that is still within the limit. The larger ones are cut to what they need.
  StepId shifted(const Stage& stage, double& error) {
    const int threshold = 2 * (log_limit_ - stage.shift);
    const double allowed = tolerance_ / 32;
    // sqrt(x + d) - sqrt(x) <= d / (2 sqrt(x))
    const int fraction = finer_than(allowed * std::ldexp(2.0, log_limit_ - stage.shift));
    StepId large = stage.x;
    const bool fits = std::log2(std::max(writer_.high(large), tolerance_)) + fraction < kMostValueBits;
    if (fraction < writer_.at(large).fraction && fraction >= -threshold && fits) {
      large = writer_.cut(large, fraction, Rounding::kTrn);
      error += allowed;
    }
    const StepId limit = power_of_two(threshold);
    const StepId small = writer_.scale(writer_.minimum(stage.x, limit), 2 * stage.shift);
    return writer_.select(stage.x, limit, large, small);
  }

  StepId shifted_back(StepId y, const std::vector<Stage>& shifts, double& error) {
    const int fraction = finer_than(tolerance_ / 32);
    for (auto stage = shifts.rbegin(); stage != shifts.rend(); ++stage) {
      StepId small = writer_.scale(y, -stage->shift);
      if (fraction < writer_.at(small).fraction) {
        small = writer_.cut(small, fraction, Rounding::kTrn);
        error += std::ldexp(1.0, -fraction);
      }
      y = writer_.select(stage->x, power_of_two(2 * (log_limit_ - stage->shift)), y, small);
    }
    return y;
  }

  StepWriter& writer_;
  FunctionFits& fits_;
  const SmoothFunction& f_;
  double tolerance_;
  int log_limit_ = 0;  ///< roots are below 2^log_limit
};

}  // namespace

bool needs_wide_root(const StepWriter& writer, const SmoothFunction& f, const ApproximatedArgument& x,
                     double tolerance) {
  if (formula::functions()[f.index].name != "sqrt" || f.scale != 1) return false;
  if (x.low - x.error > 0) return false;
  const double high = std::min(writer.high(x.step), x.high + x.error);
  // The root of one step of the argument's grid is to be a quarter of the tolerance.
  const double fraction = std::min<double>(writer.at(x.step).fraction, -2 * std::log2(tolerance / 4));
  return high > 0 && std::log2(high) + fraction > kMostBits;
}

Approximation wide_root(StepWriter& writer, FunctionFits& fits, const SmoothFunction& f, const ApproximatedArgument& x,
                        double tolerance) {
  return WideRoot(writer, fits, f, tolerance).run(x);
}

}  // namespace strobe::quantise
