#include "kernels/quantise/formula_terms.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/approximation.h"

namespace strobe::quantise {
namespace {

using formula::Formula;
using formula::Op;
using formula::Term;
using formula::TermId;
using model::FixedType;
using model::Rounding;
using Value = TermValue;

constexpr double kTwoPi = 2 * std::numbers::pi;
/// Cutting a product must save that many bits to be worth its error.
constexpr int kLeastCut = 3;

/// left >= right, or with `inverted` the opposite.
struct Condition {
  StepId left = -1, right = -1;
  bool inverted = false;
};

class TermLowering {
 public:
  TermLowering(const Formula& formula, const FormulaRanges& ranges, const TermBudget& budget, FunctionFits& fits,
               StepWriter& writer)
      : formula_(formula),
        ranges_(ranges),
        budget_(budget),
        fits_(fits),
        writer_(writer),
        values_(formula.terms.size()) {}

  absl::StatusOr<LoweredTerms> run() {
    for (size_t t = 0; t < formula_.terms.size(); ++t) {
      term_ = static_cast<TermId>(t);
      const Term& term = formula_.terms[t];
      if (term.op == Op::kConstant || ranges_.slopes[t] == 0) continue;
      values_[t] = limited(lower(term));
      if (!writer_.status().ok()) return located(formula_, term_, writer_.status());
      writer_.name(values_[t].step, term.name);
    }
    for (const formula::Output& output : formula_.outputs) {
      const double* c = number(output.term);
      result_.outputs.push_back(c != nullptr ? rounded(*c, budget_.output_error / 8) : values_[output.term]);
    }
    return std::move(result_);
  }

 private:
  /// The error that the current term may add.
  double budget() const {
    const double share = 0.75 * budget_.output_error * budget_.scale / std::max(ranges_.rounded, 1);
    return share / std::max(ranges_.slopes[term_], 1e-6);
  }

  /// The current term jumps where its arguments, which are off by `error`, pass a limit.
  void jumps(double error) {
    if (error > 0) result_.jumps.push_back({term_, error});
  }

  const double* number(TermId t) const {
    return formula_.terms[t].op == Op::kConstant ? &formula_.terms[t].number : nullptr;
  }

  /// The number on the coarsest grid that is close enough, and how close it is.
  Value rounded(double number, double tolerance) {
    int fraction = std::max(-60, -std::ilogb(std::max(std::abs(number), 1e-30)) - 1);
    double q = 0;
    for (;; ++fraction) {
      q = std::nearbyint(std::ldexp(number, fraction));
      if (std::abs(std::ldexp(q, -fraction) - number) <= tolerance || std::abs(q) >= 0x1p52) break;
    }
    return {writer_.constant(static_cast<int64_t>(q), fraction), std::abs(std::ldexp(q, -fraction) - number)};
  }

  /// The argument as a step; numbers to within half of the budget.
  Value argument(const Term& term, int i) {
    const TermId t = term.arguments[i];
    if (const double* c = number(t)) return rounded(*c, budget() / 2);
    return values_[t];
  }

  double size(TermId t) const { return ranges_.values[t].size() + values_[t].error; }

  /// Cuts what the budget does not need.
  Value cut(Value x, double tolerance) {
    const int given = writer_.at(x.step).fraction;
    const int needed = std::clamp(static_cast<int>(std::ceil(-std::log2(tolerance))), -60, 200);
    if (given - needed < kLeastCut) return x;
    x.step = writer_.cut(x.step, needed, Rounding::kTrn);
    x.error += std::ldexp(1.0, -needed);
    return x;
  }

  /// The current term's value within the limits beyond which it does not matter.
  Value limited(Value x) {
    const std::optional<FormulaRanges::Interval>& limits = ranges_.limits[term_];
    if (!limits) return x;
    if (writer_.low(x.step) < limits->low) x.step = writer_.maximum(x.step, rounded(limits->low, 0).step);
    if (writer_.high(x.step) > limits->high) x.step = writer_.minimum(x.step, rounded(limits->high, 0).step);
    return x;
  }

  Value lower(const Term& term) {
    switch (term.op) {
      case Op::kInput:
        return {writer_.input(term.index), 0};
      case Op::kAdd:
      case Op::kSubtract: {
        const Value a = argument(term, 0), b = argument(term, 1);
        const StepId step = term.op == Op::kAdd ? writer_.add(a.step, b.step) : writer_.subtract(a.step, b.step);
        return in_remainder(term, {step, a.error + b.error});
      }
      case Op::kNorm:
        return norm(term);
      case Op::kMultiply:
        return multiply(term);
      case Op::kNegate: {
        const Value a = argument(term, 0);
        return {writer_.negate(a.step), a.error};
      }
      case Op::kMaximum:
      case Op::kMinimum: {
        const Value a = argument(term, 0), b = argument(term, 1);
        const StepId step = term.op == Op::kMaximum ? writer_.maximum(a.step, b.step) : writer_.minimum(a.step, b.step);
        return {step, std::max(a.error, b.error)};
      }
      case Op::kAbs: {
        const Value a = argument(term, 0);
        return {writer_.maximum(a.step, writer_.negate(a.step)), a.error};
      }
      case Op::kFloor:
      case Op::kCeil:
      case Op::kRound:
        return {whole(term), 0};
      case Op::kSelect: {
        const Condition c = condition(term.arguments[0]);
        const Value a = argument(term, 1), b = argument(term, 2);
        const StepId step = c.inverted ? writer_.select(c.left, c.right, b.step, a.step)
                                       : writer_.select(c.left, c.right, a.step, b.step);
        return {step, std::max(a.error, b.error)};
      }
      case Op::kTable:
        return table(term);
      case Op::kCast:
        return cast(term);
      case Op::kFunction:
        return function(term);
      case Op::kSign: {
        const auto [x, error] = argument(term, 0);
        jumps(error);
        const StepId zero = writer_.constant(0, 0);
        const StepId below = writer_.select(x, zero, zero, writer_.constant(-1, 0));
        return {writer_.select(x, writer_.constant(1, writer_.at(x).fraction), writer_.constant(1, 0), below), 0};
      }
      default:
        return {truth(condition_of(term)), 0};
    }
  }

  Value multiply(const Term& term) {
    const TermId ta = term.arguments[0], tb = term.arguments[1];
    const double tolerance = budget();
    for (const auto& [factor, other] : {std::pair(ta, tb), std::pair(tb, ta)}) {
      const double* c = number(factor);
      if (c == nullptr) continue;
      const Value x = values_[other];
      const Value q = rounded(*c, tolerance / 2 / std::max(size(other), 1e-30));
      return cut(limited({writer_.multiply(q.step, x.step), std::abs(*c) * x.error + q.error * size(other)}),
                 tolerance / 2);
    }
    const Value a = values_[ta], b = values_[tb];
    const double error = ranges_.values[ta].size() * b.error + ranges_.values[tb].size() * a.error + a.error * b.error;
    return cut(limited({writer_.multiply(a.step, b.step), error}), tolerance);
  }

  /// The difference that is what a division leaves: its range is known, but for how far the quotient may be off where
  /// it is rounded to a whole number.
  Value in_remainder(const Term& term, Value x) {
    const auto remainder = remainder_of(formula_, term);
    if (!remainder) return x;
    const int fraction = writer_.at(x.step).fraction;
    const double margin = std::abs(remainder->divisor) * values_[remainder->quotient].error + x.error;
    const double low = std::floor(std::ldexp(remainder->range.low - margin, fraction)) - 1;
    const double high = std::ceil(std::ldexp(remainder->range.high + margin, fraction)) + 1;
    if (std::max(-low, high) >= 0x1p62) return x;
    x.step = writer_.cast(
        x.step, type_for(static_cast<model::Wide>(low), static_cast<model::Wide>(high), fraction, Rounding::kTrn));
    return x;
  }

  /// The root of the sum of squares, which is exact. It moves by no more than the norm of its arguments' errors.
  Value norm(const Term& term) {
    const double tolerance = budget();
    const auto count = static_cast<double>(term.arguments.size());
    double errors = 0, low = 0, high = 0;
    std::optional<StepId> sum;
    for (size_t i = 0; i < term.arguments.size(); ++i) {
      const Value x = cut(argument(term, static_cast<int>(i)), tolerance / 4 / count);
      const FormulaRanges::Interval& range = ranges_.values[term.arguments[i]];
      const double least = range.low <= 0 && range.high >= 0 ? 0 : std::min(std::abs(range.low), std::abs(range.high));
      low += std::pow(std::max(least - x.error, 0.0), 2);
      high += std::pow(range.size() + x.error, 2);
      errors += x.error * x.error;
      const StepId square = writer_.multiply(x.step, x.step);
      sum = sum ? writer_.add(*sum, square) : square;
    }
    SmoothFunction root;
    root.index = formula::find_function("sqrt");
    root.domain = formula::functions()[root.index].domain;
    root.steepest = formula::functions()[root.index].steepest;
    const Approximation y = approximate(writer_, fits_, root, {*sum, 0, low, high}, tolerance);
    return {y.step, y.error + std::sqrt(errors)};
  }

  StepId whole(const Term& term) {
    const Value argued = argument(term, 0);
    const StepId x = argued.step;
    jumps(argued.error);
    if (term.op == Op::kRound) return writer_.cut(x, 0, Rounding::kRndConv);
    if (term.op == Op::kFloor) return writer_.cut(x, 0, Rounding::kTrn);
    return writer_.negate(writer_.cut(writer_.negate(x), 0, Rounding::kTrn));
  }

  Value cast(const Term& term) {
    const FixedType& type = formula_.types[term.index];
    const Value a = argument(term, 0);
    const StepId step = writer_.cast(a.step, type);
    const bool exact = a.error == 0;
    return {step, exact || !budget_.count_types ? a.error : a.error + type.step()};
  }

  /// The index is found before it is brought into the table: x - low in cells.
  Value table(const Term& term) {
    const formula::Table& table = formula_.tables[term.index];
    const auto size = static_cast<int64_t>(table.values.size());
    const Value x = argument(term, 0);
    const double cells = static_cast<double>(size) / (table.high - table.low);
    const double tolerance = budget();
    const Value low = rounded(table.low, tolerance / 2);
    const Value scale = rounded(cells, cells * tolerance / std::max(ranges_.values[term.arguments[0]].size(), 1e-9));
    jumps(x.error + low.error + scale.error / cells * ranges_.values[term.arguments[0]].size());
    const StepId place =
        writer_.cut(writer_.multiply(scale.step, writer_.subtract(x.step, low.step)), 0, Rounding::kTrn);
    const StepId inside = writer_.clamp(place, 0, size - 1);
    const StepId index = writer_.cast(inside, type_for(0, std::max<int64_t>(size - 1, 1), 0, Rounding::kTrn));
    int fraction = 0;
    double error = 0;
    for (;; ++fraction) {
      error = 0;
      for (const double v : table.values) {
        error = std::max(error, std::abs(std::ldexp(std::nearbyint(std::ldexp(v, fraction)), -fraction) - v));
      }
      if (error <= tolerance || fraction >= 50) break;
    }
    model::Constant entries;
    for (const double v : table.values) entries.raw.push_back(std::llrint(std::ldexp(v, fraction)));
    const auto [least, most] = std::minmax_element(entries.raw.begin(), entries.raw.end());
    entries.type = {{size}, {type_for(*least, *most, fraction, Rounding::kTrn)}};
    return {writer_.lookup(entries, index), error};
  }

  // Conditions.

  /// x > 0, whatever x is.
  Condition condition(TermId t) {
    if (const double* c = number(t)) {
      return {writer_.constant(0, 0), writer_.constant(*c > 0 ? 0 : 1, 0), false};
    }
    const Term& term = formula_.terms[t];
    switch (term.op) {
      case Op::kGreater:
      case Op::kGreaterEqual:
      case Op::kNot:
        return condition_of(term);
      default:
        return above(values_[t].step, 0, true);
    }
  }

  /// x > limit (or x >= limit), exactly: the limit moves to the next number of x's grid.
  Condition above(StepId x, double limit, bool strictly) {
    const Step& step = writer_.at(x);
    const double scaled = std::ldexp(limit, step.fraction);
    double least = strictly ? std::floor(scaled) + 1 : std::ceil(scaled);
    least = std::clamp(least, static_cast<double>(step.low) - 1, static_cast<double>(step.high) + 1);
    if (std::abs(least) > 0x1p62) {
      writer_.fail(absl::UnimplementedError("compares a number of more than 62 bits"));
      least = 0;
    }
    return {x, writer_.constant(static_cast<int64_t>(least), step.fraction), false};
  }

  Condition condition_of(const Term& term) {
    if (term.op == Op::kGreater || term.op == Op::kGreaterEqual || term.op == Op::kEqual)
      jumps(values_[term.arguments[0]].error + values_[term.arguments[1]].error);
    if (term.op == Op::kGreater || term.op == Op::kGreaterEqual) {
      const bool strictly = term.op == Op::kGreater;
      if (const double* limit = number(term.arguments[1]))
        return above(values_[term.arguments[0]].step, *limit, strictly);
      if (const double* limit = number(term.arguments[0])) {
        Condition c = above(values_[term.arguments[1]].step, *limit, !strictly);
        c.inverted = true;
        return c;
      }
      const StepId a = values_[term.arguments[0]].step, b = values_[term.arguments[1]].step;
      return strictly ? Condition{b, a, true} : Condition{a, b, false};
    }
    if (term.op == Op::kNot) {
      Condition c = condition(term.arguments[0]);
      c.inverted = !c.inverted;
      return c;
    }
    if (term.op == Op::kEqual) {
      const StepId a = exactly(term.arguments[0]), b = exactly(term.arguments[1]);
      return {writer_.minimum(truth({a, b, false}), truth({b, a, false})), writer_.constant(1, 0), false};
    }
    const StepId a = truth(condition(term.arguments[0])), b = truth(condition(term.arguments[1]));
    const StepId both = term.op == Op::kAnd ? writer_.minimum(a, b) : writer_.maximum(a, b);
    return {both, writer_.constant(1, 0), false};
  }

  /// A number as it is, so that nothing equals it by rounding.
  StepId exactly(TermId t) {
    const double* c = number(t);
    return c != nullptr ? rounded(*c, 0).step : values_[t].step;
  }

  /// 1 or 0.
  StepId truth(const Condition& c) {
    const StepId one = writer_.constant(1, 0), zero = writer_.constant(0, 0);
    return c.inverted ? writer_.select(c.left, c.right, zero, one) : writer_.select(c.left, c.right, one, zero);
  }

  // Functions.

  Value function(const Term& term) {
    const formula::Function& f = formula::functions()[term.index];
    const Value x = argument(term, 0);
    const FormulaRanges::Interval& range = ranges_.values[term.arguments[0]];
    if ((f.name == "sin" || f.name == "cos") && range.high - range.low > kTwoPi) return wave(term, x);
    const SmoothFunction smooth = smooth_function(term);
    const Approximation y = approximate(writer_, fits_, smooth, {x.step, x.error, range.low, range.high}, budget());
    return {y.step, y.error + ranges_.flattened[term_]};
  }

  /// sin and cos of many turns: the argument in turns, its fraction, and one turn of the function.
  Value wave(const Term& term, const Value& x) {
    const double tolerance = budget();
    const double reach = size(term.arguments[0]);
    const Value turn = rounded(1 / kTwoPi, tolerance / 4 / kTwoPi / reach);
    const StepId turns = writer_.multiply(turn.step, x.step);
    const StepId rest = writer_.subtract(turns, writer_.cut(turns, 0, Rounding::kTrn));
    const int needed = static_cast<int>(std::ceil(-std::log2(tolerance / 4 / kTwoPi)));
    const double error =
        x.error / kTwoPi + turn.error * reach + (needed < writer_.at(rest).fraction ? std::ldexp(1.0, -needed) : 0);
    // The difference lies in [0, 1), which step by step cannot be seen.
    const int fraction = std::max(std::min(writer_.at(rest).fraction, needed), 1);
    const StepId phase = writer_.cast(rest, FixedType::ufixed(fraction, 0));
    SmoothFunction smooth = smooth_function(term);
    smooth.scale = smooth.steepest = kTwoPi;
    const Approximation y = approximate(writer_, fits_, smooth, {phase, error, 0, 1}, tolerance / 2);
    return {y.step, y.error};
  }

  const Formula& formula_;
  const FormulaRanges& ranges_;
  const TermBudget& budget_;
  FunctionFits& fits_;
  StepWriter& writer_;
  std::vector<Value> values_;  ///< of terms that are no numbers: whoever reads a number rounds it as finely as it must
  TermId term_ = 0;
  LoweredTerms result_;
};

}  // namespace

absl::StatusOr<LoweredTerms> lower_terms(const Formula& formula, const FormulaRanges& ranges, const TermBudget& budget,
                                         FunctionFits& fits, StepWriter& writer) {
  return TermLowering(formula, ranges, budget, fits, writer).run();
}

absl::Status located(const Formula& formula, TermId id, const absl::Status& status) {
  const Term& term = formula.terms[id];
  const std::string what =
      term.op == Op::kFunction ? absl::StrCat(std::string(formula::functions()[term.index].name), ": ") : "";
  return absl::Status(status.code(), absl::StrCat(formula.place(id), ": ", what, status.message()));
}

}  // namespace strobe::quantise
