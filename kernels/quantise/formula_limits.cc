#include "kernels/quantise/formula_limits.h"

#include <algorithm>
#include <cmath>

namespace strobe::quantise {
namespace {

using formula::Formula;
using formula::Op;
using formula::Term;
using formula::TermId;
using Interval = FormulaRanges::Interval;

constexpr Interval kWhole = {-HUGE_VAL, HUGE_VAL};

/// A number away from 0 or towards it to one of four bits, never below it.
double rounded_up(double x) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int exponent = std::ilogb(x) - 3;
  return std::ldexp(std::ceil(std::ldexp(x, -exponent)), exponent);
}

/// The power of a common factor that a term is.
struct Monomial {
  TermId base = 0;
  int power = 1;
};

class Limits {
 public:
  Limits(const Formula& formula, const std::vector<Interval>& everything, double output_error, FormulaRanges& ranges)
      : formula_(formula), everything_(everything), ranges_(ranges) {
    int functions = 0;
    for (const Term& term : formula.terms) functions += term.op == Op::kFunction;
    share_ = output_error / 8 / std::max(functions, 1);
  }

  void run() {
    const size_t count = formula_.terms.size();
    ranges_.values = everything_;
    ranges_.limits.assign(count, std::nullopt);
    ranges_.flattened.assign(count, 0);
    needed_.assign(count, {HUGE_VAL, -HUGE_VAL});
    multiplied_.assign(count, false);
    for (size_t t = 0; t < count; ++t) monomials_.push_back(monomial(static_cast<TermId>(t)));
    for (const formula::Output& output : formula_.outputs) needed_[output.term] = kWhole;
    for (size_t t = count; t-- > 0;) {
      if (ranges_.slopes[t] == 0) continue;
      settle(static_cast<TermId>(t));
      spread(formula_.terms[t], needed_[t]);
    }
    for (size_t t = 0; t < count; ++t) flatten(static_cast<TermId>(t));
  }

 private:
  Monomial monomial(TermId t) const {
    const Term& term = formula_.terms[t];
    if (term.op != Op::kMultiply) return {t, 1};
    const Monomial a = monomials_[term.arguments[0]], b = monomials_[term.arguments[1]];
    return a.base == b.base ? Monomial{a.base, a.power + b.power} : Monomial{t, 1};
  }

  /// All readers of a term have been seen: limits that save no bit are forgotten, others get few bits.
  void settle(TermId t) {
    const Interval all = everything_[t];
    Interval& needed = needed_[t];
    needed = {-rounded_up(-needed.low), rounded_up(needed.high)};
    const Interval kept = {std::clamp(needed.low, all.low, all.high), std::clamp(needed.high, all.low, all.high)};
    const bool saves = 2 * kept.size() <= all.size() && kept.low < kept.high;
    if (!saves) {
      needed = kWhole;
      return;
    }
    ranges_.values[t] = kept;
    if (multiplied_[t]) ranges_.limits[t] = needed;
  }

  void give(const Term& term, int i, Interval needed) {
    Interval& target = needed_[term.arguments[i]];
    target = {std::min(target.low, needed.low), std::max(target.high, needed.high)};
  }

  const double* number(TermId t) const {
    return formula_.terms[t].op == Op::kConstant ? &formula_.terms[t].number : nullptr;
  }

  void spread(const Term& term, Interval y) {
    const auto all = [&](int i) { return everything_[term.arguments[i]]; };
    switch (term.op) {
      case Op::kAdd:
        give(term, 0, {y.low - all(1).high, y.high - all(1).low});
        give(term, 1, {y.low - all(0).high, y.high - all(0).low});
        return;
      case Op::kSubtract:
        give(term, 0, {y.low + all(1).low, y.high + all(1).high});
        give(term, 1, {all(0).low - y.high, all(0).high - y.low});
        return;
      case Op::kNegate:
        return give(term, 0, {-y.high, -y.low});
      case Op::kAbs: {
        const double most = std::max(y.high, 0.0);
        return give(term, 0, {-most, most});
      }
      case Op::kMaximum:
      case Op::kMinimum:
        give(term, 0, y);
        give(term, 1, y);
        return;
      case Op::kSelect:
        give(term, 0, kWhole);
        give(term, 1, y);
        give(term, 2, y);
        return;
      case Op::kMultiply:
        return multiply(term, y);
      case Op::kFunction:
        multiplied_[term.arguments[0]] = true;
        return give(term, 0, curved_part(term, all(0)));
      default:
        for (size_t i = 0; i < term.arguments.size(); ++i) give(term, static_cast<int>(i), kWhole);
    }
  }

  void multiply(const Term& term, Interval y) {
    for (const int i : {0, 1}) {
      const double* c = number(term.arguments[i]);
      if (c == nullptr) continue;
      if (*c == 0) return give(term, 1 - i, kWhole);
      return give(term, 1 - i, *c > 0 ? Interval{y.low / *c, y.high / *c} : Interval{y.high / *c, y.low / *c});
    }
    const Monomial a = monomials_[term.arguments[0]], b = monomials_[term.arguments[1]];
    const int power = a.power + b.power;
    const double most = power % 2 == 0 ? std::max(y.high, 0.0) : y.size();
    for (const int i : {0, 1}) {
      multiplied_[term.arguments[i]] = true;
      if (a.base != b.base) {
        give(term, i, kWhole);
        continue;
      }
      const double limit = std::pow(most, static_cast<double>((i == 0 ? a : b).power) / power);
      give(term, i, {-limit, limit});
    }
  }

  /// Where in [all.low, all.high] the function is not flat: beyond, it is within its share of what it is at the end.
  Interval curved_part(const Term& term, Interval all) const {
    const std::string_view name = formula::functions()[term.index].name;
    if (name == "sin" || name == "cos" || name == "tan") return kWhole;
    const auto id = static_cast<size_t>(&term - formula_.terms.data());
    const double share = share_ / std::max(ranges_.slopes[id], 1e-6);
    const formula::Domain domain = formula::domain_of(term);
    Interval result = kWhole;
    if (all.high > 0 && all.high < domain.high) result.high = flat_from(term, std::max(all.low, 0.0), all.high, share);
    if (all.low < 0 && all.low > domain.low) result.low = flat_from(term, std::min(all.high, 0.0), all.low, share);
    return result;
  }

  /// The place next to `start` from which on to `end` the function, monotonic there, moves by at most `share`.
  static double flat_from(const Term& term, double start, double end, double share) {
    const double last = function_value(term, end);
    double curved = start, flat = end;
    for (int i = 0; i < 100; ++i) {
      const double middle = curved + (flat - curved) / 2;
      (std::abs(function_value(term, middle) - last) <= share ? flat : curved) = middle;
    }
    return flat;
  }

  /// What the limits of its argument cost a function.
  void flatten(TermId t) {
    const Term& term = formula_.terms[t];
    if (term.op != Op::kFunction || ranges_.slopes[t] == 0 || !ranges_.limits[term.arguments[0]]) return;
    const Interval all = everything_[term.arguments[0]], kept = ranges_.values[term.arguments[0]];
    const auto moved = [&](double from, double to) {
      return from == to ? 0 : std::abs(function_value(term, from) - function_value(term, to));
    };
    ranges_.flattened[t] = std::max(moved(all.low, kept.low), moved(all.high, kept.high));
  }

  const Formula& formula_;
  const std::vector<Interval>& everything_;
  FormulaRanges& ranges_;
  double share_ = 0;
  std::vector<Interval> needed_;  ///< of each term, by those of its readers that have been seen
  std::vector<bool> multiplied_;  ///< a product or a function reads it: limits save something there
  std::vector<Monomial> monomials_;
};

}  // namespace

void find_limits(const Formula& formula, const std::vector<Interval>& everything, double output_error,
                 FormulaRanges& ranges) {
  Limits(formula, everything, output_error, ranges).run();
}

}  // namespace strobe::quantise
