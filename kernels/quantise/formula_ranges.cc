#include "kernels/quantise/formula_ranges.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kernels/quantise/approximation.h"
#include "kernels/quantise/formula_limits.h"

namespace strobe::quantise {
namespace {

using formula::Formula;
using formula::Op;
using formula::Term;
using formula::TermId;
using Interval = FormulaRanges::Interval;

constexpr double kPi = std::numbers::pi;
constexpr double kSteepest = 1e12;

Interval hull(std::initializer_list<double> values) { return {std::min(values), std::max(values)}; }

Interval times(Interval a, Interval b) {
  return hull({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
}

std::string shown(Interval x) { return absl::StrFormat("%.6g to %.6g", x.low, x.high); }

class Analysis {
 public:
  Analysis(const Formula& formula, const model::TensorType& input, const FormulaErrors& errors)
      : formula_(formula),
        input_(input),
        errors_(errors),
        output_error_(errors.least()),
        step_slope_(output_error_ / errors.step) {
    for (const Term& term : formula.terms) grids_.push_back(grid_of(term));
  }

  absl::StatusOr<FormulaRanges> run() {
    for (size_t t = 0; t < formula_.terms.size(); ++t) {
      auto interval = value_of(static_cast<TermId>(t));
      if (!interval.ok()) return interval.status();
      if (!std::isfinite(interval->low) || !std::isfinite(interval->high) || interval->size() > 0x1p100)
        return too_large(static_cast<TermId>(t));
      result_.values.push_back(*interval);
    }
    // How flat a function must be depends on how much it matters, and that on how large what it is multiplied with is.
    const std::vector<Interval> everything = result_.values;
    for (int pass = 0; pass < 2; ++pass) {
      find_slopes();
      find_limits(formula_, everything, output_error_, result_);
    }
    find_slopes();
    return std::move(result_);
  }

 private:
  absl::Status error(TermId t, const std::string& flaw) const {
    return absl::InvalidArgumentError(absl::StrCat(formula_.place(t), ": ", flaw));
  }

  /// The inputs that a term hangs on, with their types: "eta1, eta2 (ap_fixed<16,10>)".
  std::string inputs_of(TermId t) const {
    std::vector<bool> read(static_cast<size_t>(t) + 1);
    read[t] = true;
    std::map<std::string, std::string> by_type;
    for (TermId i = t; i >= 0; --i) {
      if (!read[i]) continue;
      const Term& term = formula_.terms[i];
      for (const TermId argument : term.arguments) read[argument] = true;
      if (term.op != Op::kInput) continue;
      std::string& names = by_type[input_.at(term.index).to_string()];
      names = absl::StrCat(formula_.inputs[term.index], names.empty() ? "" : ", ", names);
    }
    std::string text;
    for (const auto& [type, names] : by_type) absl::StrAppend(&text, text.empty() ? "" : ", ", names, " (", type, ")");
    return text;
  }

  absl::Status too_large(TermId t) const {
    const Term& term = formula_.terms[t];
    const std::string what = term.op == Op::kFunction ? absl::StrCat(std::string(formula::functions()[term.index].name),
                                                                     " of ", shown(argument(term, 0)), ": ")
                                                      : "";
    return error(t, absl::StrCat(what, "its values can exceed 2^100; narrower types of the inputs it hangs on, ",
                                 inputs_of(t), ", help (InputPrecision in a configuration), or clamp(x, low, high)"));
  }

  /// The smallest step of the inputs that a term hangs on, which terms before it are known by; 1 of numbers.
  double grid_of(const Term& term) const {
    if (term.op == Op::kInput) return input_.at(term.index).step();
    double grid = HUGE_VAL;
    for (const TermId argument : term.arguments) {
      if (formula_.terms[argument].op != Op::kConstant) grid = std::min(grid, grids_[argument]);
    }
    return std::isfinite(grid) ? grid : 1;
  }

  static Interval range_of(const model::FixedType& type) {
    const double most = std::ldexp(1.0, type.width - (type.is_signed ? 1 : 0)) - 1;
    return {type.is_signed ? -(most + 1) * type.step() : 0, most * type.step()};
  }

  Interval argument(const Term& term, int i) const { return result_.values[term.arguments[i]]; }

  absl::StatusOr<Interval> value_of(TermId t) {
    const Term& term = formula_.terms[t];
    std::vector<Interval> x;
    for (const TermId i : term.arguments) x.push_back(result_.values[i]);
    const Interval a = x.empty() ? Interval{} : x[0], b = x.size() < 2 ? Interval{} : x[1];
    switch (term.op) {
      case Op::kInput:
        return range_of(input_.at(term.index));
      case Op::kConstant:
        return Interval{term.number, term.number};
      case Op::kAdd:
        return Interval{a.low + b.low, a.high + b.high};
      case Op::kSubtract:
        if (const auto remainder = remainder_of(formula_, term)) return remainder->range;
        return Interval{a.low - b.high, a.high - b.low};
      case Op::kNorm:
        return norm(x);
      case Op::kMultiply: {
        Interval product = times(a, b);
        if (term.arguments[0] == term.arguments[1])
          product.low = a.low <= 0 && a.high >= 0 ? 0 : std::max(product.low, std::min(a.low * a.low, a.high * a.high));
        return product;
      }
      case Op::kNegate:
        return Interval{-a.high, -a.low};
      case Op::kMaximum:
        return Interval{std::max(a.low, b.low), std::max(a.high, b.high)};
      case Op::kMinimum:
        return Interval{std::min(a.low, b.low), std::min(a.high, b.high)};
      case Op::kAbs:
        return Interval{a.low <= 0 && a.high >= 0 ? 0 : std::min(std::abs(a.low), std::abs(a.high)), a.size()};
      case Op::kSign:
        return Interval{a.low > 0 ? 1.0 : a.low == 0 ? 0.0 : -1.0, a.high < 0 ? -1.0 : a.high == 0 ? 0.0 : 1.0};
      case Op::kFloor:
        return Interval{std::floor(a.low), std::floor(a.high)};
      case Op::kCeil:
        return Interval{std::ceil(a.low), std::ceil(a.high)};
      case Op::kRound:
        return Interval{std::nearbyint(a.low), std::nearbyint(a.high)};
      case Op::kSelect:
        return Interval{std::min(b.low, x[2].low), std::max(b.high, x[2].high)};
      case Op::kTable: {
        const auto& values = formula_.tables[term.index].values;
        const auto first = values.begin() + formula::cell(formula_.tables[term.index], a.low);
        const auto last = values.begin() + formula::cell(formula_.tables[term.index], a.high) + 1;
        return Interval{*std::min_element(first, last), *std::max_element(first, last)};
      }
      case Op::kCast:
        return cast(t, formula_.types[term.index], a);
      case Op::kFunction:
        return function(t, term, a);
      case Op::kDivide:
      case Op::kPower:
        return error(t, "a division or power is left");
      default:
        return Interval{0, 1};
    }
  }

  static Interval norm(const std::vector<Interval>& arguments) {
    Interval squares;
    for (const Interval& x : arguments) {
      const double least = x.low <= 0 && x.high >= 0 ? 0 : std::min(std::abs(x.low), std::abs(x.high));
      squares.low += least * least;
      squares.high += x.size() * x.size();
    }
    return {std::sqrt(squares.low), std::sqrt(squares.high)};
  }

  absl::StatusOr<Interval> cast(TermId t, const model::FixedType& type, Interval a) const {
    const double low = static_cast<double>(type.min_raw()) * type.step();
    const double high = static_cast<double>(type.max_raw()) * type.step();
    const bool fits = a.low >= low && a.high < high + type.step();
    if (!fits && type.overflow == model::Overflow::kWrap) {
      return error(t, absl::StrCat("values of ", shown(a), " overflow ", type.to_string(), " (", shown({low, high}),
                                   "); make the type wider or let it saturate (AP_SAT)"));
    }
    return Interval{std::clamp(a.low - type.step(), low, high), std::clamp(a.high + type.step(), low, high)};
  }

  absl::StatusOr<Interval> function(TermId t, const Term& term, Interval a) {
    const std::string name(formula::functions()[term.index].name);
    const formula::Domain domain = formula::domain_of(term);
    const bool hits_zero = domain.not_zero && a.low <= 0 && a.high >= 0;
    const bool unread = formula::zero_is_unread(term);
    const double grid = grids_[term.arguments[0]];
    if (hits_zero && !errors_.saturate && !unread) {
      return error(t, absl::StrCat("division by an interval that contains zero (", shown(a),
                                   "); bound it, for example by max(x, 0.1), or allow it by `Domain: saturate`"));
    }
    if (name == "tan" && std::floor(a.low / kPi + 0.5) != std::floor(a.high / kPi + 0.5))
      return error(t, absl::StrCat("tan: its argument (", shown(a), ") passes a pole; bound it by clamp"));
    const bool outside = a.low < domain.low || a.high > domain.high || (domain.open_low && a.low <= domain.low) ||
                         (domain.open_high && a.high >= domain.high);
    if (a.high < domain.low || a.low > domain.high || (domain.open_low && a.high <= domain.low) ||
        (domain.open_high && a.low >= domain.high) || (hits_zero && a.low == 0 && a.high == 0)) {
      return error(t, absl::StrCat(name, ": its argument (", shown(a), ") never lies where the function is defined"));
    }
    if (outside || (hits_zero && !unread)) {
      result_.warnings.push_back(absl::StrCat(formula_.place(t), ": ", name, ": its argument (", shown(a),
                                              ") can leave the function's domain; such events get the value at the "
                                              "domain's limit and are counted as saturated"));
    }
    if (name == "sin" || name == "cos") return wave(name, a);
    // Open limits: as close as the input's grid comes, which is enough for an estimate.
    Interval x = {std::max(a.low, domain.low + (domain.open_low ? grid : 0)),
                  std::min(a.high, domain.high - (domain.open_high ? grid : 0))};
    x.high = std::max(x.high, x.low);
    if (hits_zero) {
      const double pole = function_value(term, grid);
      Interval y = hull({pole, function_value(term, -grid)});
      if (a.low >= 0) y = hull({pole, function_value(term, std::max(a.high, grid))});
      if (a.high <= 0) y = hull({function_value(term, -grid), function_value(term, std::min(a.low, -grid))});
      return y;
    }
    Interval y = hull({function_value(term, x.low), function_value(term, x.high)});
    if (x.low < 0 && x.high > 0) {
      const double middle = function_value(term, 0);
      y = hull({y.low, y.high, middle});
    }
    return y;
  }

  static Interval wave(const std::string& name, Interval a) {
    const double shift = name == "cos" ? kPi / 2 : 0;  // cos x = sin(x + pi / 2)
    const double low = a.low + shift, high = a.high + shift;
    Interval y = hull({std::sin(low), std::sin(high)});
    const auto reaches = [&](double peak) {
      return std::floor((high - peak) / (2 * kPi)) >= std::ceil((low - peak) / (2 * kPi));
    };
    if (reaches(kPi / 2)) y.high = 1;
    if (reaches(-kPi / 2)) y.low = -1;
    return y;
  }

  /// How much an error of the argument grows, for errors so small that the result, which matters by `slope`, moves by
  /// no more than an eighth of what is allowed. Where a function is infinitely steep this is still finite.
  double slope_of(const Term& term, Interval a, double slope) const {
    SmoothFunction smooth = smooth_function(term);
    if (std::isfinite(smooth.steepest)) return smooth.steepest;
    const double grid = grids_[term.arguments[0]];
    if (smooth.domain.not_zero && a.low < 0 && a.high > 0) smooth.gap = grid;
    double low = std::max(a.low, smooth.domain.low), high = std::min(a.high, smooth.domain.high);
    if (smooth.domain.open_low) low = std::max(low, smooth.domain.low + grid);
    if (smooth.domain.open_high) high = std::min(high, smooth.domain.high - grid);
    if (smooth.domain.not_zero && low == 0) low = grid;
    if (smooth.domain.not_zero && high == 0) high = -grid;
    const double allowed = output_error_ / 8 / std::max(slope, 1e-6);
    double distance = 1;
    while (distance > 0x1p-60 && !(sensitivity(smooth, low, std::max(low, high), distance) <= allowed)) distance /= 2;
    return std::min(allowed / distance, kSteepest);
  }

  void find_slopes() {
    result_.rounded = 0;
    result_.slopes.assign(formula_.terms.size(), 0);
    result_.feeds_step.assign(formula_.terms.size(), false);
    for (size_t o = 0; o < formula_.outputs.size(); ++o) {
      double& slope = result_.slopes[formula_.outputs[o].term];
      slope = std::max(slope, output_error_ / errors_.outputs[o]);
    }
    for (size_t t = formula_.terms.size(); t-- > 0;) spread(formula_.terms[t], result_.slopes[t]);
  }

  void give(const Term& term, int i, double slope) {
    double& target = result_.slopes[term.arguments[i]];
    target = std::min(target + slope, kSteepest);
  }

  void give_step(const Term& term, int i) {
    result_.feeds_step[term.arguments[i]] = true;
    double& target = result_.slopes[term.arguments[i]];
    target = std::max(target, step_slope_);
  }

  void spread(const Term& term, double slope) {
    if (slope == 0) return;
    switch (term.op) {
      case Op::kInput:
      case Op::kConstant:
        return;
      case Op::kMultiply:
        give(term, 0, slope * argument(term, 1).size());
        give(term, 1, slope * argument(term, 0).size());
        break;
      case Op::kFunction:
        give(term, 0, slope * slope_of(term, argument(term, 0), slope));
        break;
      case Op::kSelect:
        give_step(term, 0);
        give(term, 1, slope);
        give(term, 2, slope);
        break;
      case Op::kAdd:
      case Op::kSubtract:
      case Op::kMaximum:
      case Op::kMinimum:
        give(term, 0, slope);
        give(term, 1, slope);
        break;
      case Op::kNorm:  // |norm(x + e) - norm(x)| <= norm(e)
        for (size_t i = 0; i < term.arguments.size(); ++i) give(term, static_cast<int>(i), slope);
        break;
      case Op::kNegate:
      case Op::kAbs:
        give(term, 0, slope);
        return;
      case Op::kCast:
        give(term, 0, slope);
        give_step(term, 0);
        break;
      default:
        for (size_t i = 0; i < term.arguments.size(); ++i) give_step(term, static_cast<int>(i));
    }
    ++result_.rounded;
  }

  const Formula& formula_;
  const model::TensorType& input_;
  const FormulaErrors& errors_;
  double output_error_, step_slope_;
  std::vector<double> grids_;  ///< of each term
  FormulaRanges result_;
};

}  // namespace

SmoothFunction smooth_function(const Term& term) {
  return {.index = term.index,
          .parameter = term.number,
          .domain = formula::domain_of(term),
          .steepest = formula::functions()[term.index].steepest,
          .zero_is_unread = formula::zero_is_unread(term)};
}

double function_value(const Term& term, double x) { return formula::functions()[term.index].evaluate(x, term.number); }

std::optional<Remainder> remainder_of(const Formula& formula, const Term& term) {
  const auto at = [&](TermId t) -> const Term& { return formula.terms[t]; };
  // The number that a term multiplies another one with; 1 of any other term, which is `other` itself then.
  const auto multiple = [&](TermId t, TermId& other) {
    for (const int i : {0, 1}) {
      if (at(t).op != Op::kMultiply || at(at(t).arguments[i]).op != Op::kConstant) continue;
      other = at(t).arguments[1 - i];
      return at(at(t).arguments[i]).number;
    }
    other = t;
    return 1.0;
  };
  if (term.op != Op::kSubtract) return std::nullopt;
  TermId whole = 0, dividend = 0;
  const double divisor = multiple(term.arguments[1], whole);
  const bool rounds = at(whole).op == Op::kRound;
  if (divisor == 0 || (at(whole).op != Op::kFloor && !rounds)) return std::nullopt;
  const TermId quotient = at(whole).arguments[0];
  const double factor = quotient == term.arguments[0] ? 1 : multiple(quotient, dividend);
  if ((quotient != term.arguments[0] && dividend != term.arguments[0]) || std::abs(factor * divisor - 1) > 1e-15)
    return std::nullopt;
  const double half = std::abs(divisor) / 2;
  if (rounds) return Remainder{quotient, divisor, {-half, half}};
  return Remainder{quotient, divisor, {std::min(divisor, 0.0), std::max(divisor, 0.0)}};
}

absl::StatusOr<FormulaRanges> analyse_ranges(const Formula& formula, const model::TensorType& input,
                                             const FormulaErrors& errors) {
  return Analysis(formula, input, errors).run();
}

}  // namespace strobe::quantise
