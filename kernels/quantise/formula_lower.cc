#include "kernels/quantise/formula_lower.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kernels/quantise/formula_terms.h"

namespace strobe::quantise {
namespace {

using formula::Formula;
using formula::Op;
using formula::Term;
using model::FixedType;
using model::Rounding;

constexpr int kMostAttempts = 12;

/// What a formula's outputs shall be.
struct Targets {
  FormulaErrors errors;
  std::vector<std::optional<FixedType>> types;  ///< of outputs whose type is given
  bool type_each = false;                       ///< others have the narrowest each, or one for all
};

Targets targets_of(const Formula& formula, const FormulaConfig& config) {
  Targets targets;
  for (const formula::Output& output : formula.outputs) {
    targets.errors.outputs.push_back(config.output_error.of(output.name).value_or(FormulaConfig::kOutputError));
    targets.types.push_back(config.output_type.of(output.name));
  }
  targets.errors.step = config.step_error > 0 ? config.step_error : targets.errors.least() / 16;
  targets.errors.saturate = config.saturate;
  targets.type_each = config.has_type_each();
  return targets;
}

/// A program, and how it compares with what is asked for.
struct Written {
  LoweredFormula formula;
  double reached = 0;  ///< the largest bound, as a share of its output's error; what a given type loses is allowed
  double inside = 0;   ///< the same before the conversion to the outputs' types
  std::vector<Jump> jumps;
};

/// One attempt: the terms within a budget, then what becomes of the outputs.
class Attempt {
 public:
  Attempt(const Formula& formula, const FormulaRanges& ranges, const model::TensorType& input, const Targets& targets)
      : formula_(formula), ranges_(ranges), targets_(targets), writer_(input) {}

  absl::StatusOr<Written> run(double scale, bool count_types, FunctionFits& fits) && {
    const TermBudget budget = {targets_.errors.least(), scale, count_types};
    auto terms = lower_terms(formula_, ranges_, budget, fits, writer_);
    if (!terms.ok()) return terms.status();
    auto written = finish(terms->outputs);
    if (written.ok()) written->jumps = std::move(terms->jumps);
    return written;
  }

 private:
  absl::StatusOr<Written> finish(const std::vector<TermValue>& outputs) {
    Written result;
    const std::vector<FixedType> types = types_of(outputs);
    std::vector<StepId> results;
    for (size_t o = 0; o < outputs.size(); ++o) {
      const FixedType& type = types[o];
      if (targets_.types[o]) {
        if (absl::Status s = check_type(outputs[o].step, type, formula_.outputs[o]); !s.ok()) return s;
      }
      const bool halved = type.rounding != Rounding::kTrn && type.rounding != Rounding::kTrnZero;
      const bool loses = writer_.at(outputs[o].step).fraction > type.fraction();
      const double inside = outputs[o].error, bound = inside + (loses ? type.step() / (halved ? 2 : 1) : 0);
      const double allowed = targets_.errors.outputs[o];
      result.formula.error_bounds.push_back(bound);
      result.inside = std::max(result.inside, inside / allowed);
      result.reached = std::max(result.reached, (targets_.types[o] ? inside : bound) / allowed);
      results.push_back(writer_.cast(outputs[o].step, type));
      if (!writer_.status().ok()) return located(formula_, formula_.outputs[o].term, writer_.status());
    }
    for (size_t o = 0; o < results.size(); ++o) {
      if (results[o] != outputs[o].step) writer_.name(results[o], formula_.outputs[o].name);
    }
    const bool same = std::all_of(types.begin(), types.end(), [&](const FixedType& t) { return t == types[0]; });
    result.formula.outputs = same ? std::vector{types[0]} : types;
    result.formula.program = std::move(writer_).finish(results);
    result.formula.warnings = ranges_.warnings;
    return result;
  }

  std::vector<FixedType> types_of(const std::vector<TermValue>& outputs) const {
    const FixedType common = common_type(outputs, targets_.errors.least());
    std::vector<FixedType> types;
    for (size_t o = 0; o < outputs.size(); ++o) {
      const FixedType own = targets_.type_each ? common_type({outputs[o]}, targets_.errors.outputs[o]) : common;
      types.push_back(targets_.types[o].value_or(own));
    }
    return types;
  }

  /// Holds outputs on one grid that loses a quarter of the error at most.
  FixedType common_type(const std::vector<TermValue>& outputs, double error) const {
    int fraction = -60;
    for (const TermValue& y : outputs) fraction = std::max(fraction, writer_.at(y.step).fraction);
    fraction = std::min(fraction, static_cast<int>(std::ceil(-std::log2(error / 2))));
    FixedType result = FixedType::ufixed(1, 1 - fraction, Rounding::kRnd);
    for (const TermValue& y : outputs) {
      const Step& step = writer_.at(y.step);
      const int shift = step.fraction - fraction;
      const auto limit = [&](model::Wide v) {
        return shift >= 0 ? model::shift_right_rounded(v, std::min(shift, 126), Rounding::kRnd) : v << -shift;
      };
      const FixedType type = type_for(limit(step.low), limit(step.high), fraction, Rounding::kRnd);
      const int unsigned_bits = std::max(result.integer - result.is_signed, type.integer - type.is_signed);
      result.is_signed |= type.is_signed;
      result.integer = unsigned_bits + result.is_signed;
      result.width = result.integer + fraction;
    }
    result.width = std::max(result.width, 1);
    return result;
  }

  absl::Status check_type(StepId y, const FixedType& type, const formula::Output& output) const {
    if (type.overflow != model::Overflow::kWrap) return absl::OkStatus();
    const double low = static_cast<double>(type.min_raw()) * type.step();
    const double high = (static_cast<double>(type.max_raw()) + 1) * type.step();
    if (writer_.low(y) >= low && writer_.high(y) < high) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "output '", output.name, "': values of ", absl::StrFormat("%.6g to %.6g", writer_.low(y), writer_.high(y)),
        " overflow ", type.to_string(), "; make OutputType wider or let it saturate (AP_SAT)"));
  }

  const Formula& formula_;
  const FormulaRanges& ranges_;
  const Targets& targets_;
  StepWriter writer_;
};

std::string_view jumping(const Term& term) {
  switch (term.op) {
    case Op::kFloor:
      return "floor";
    case Op::kCeil:
      return "ceil";
    case Op::kRound:
      return "round";
    case Op::kSign:
      return "sign";
    case Op::kTable:
      return "a table";
    default:
      return "a comparison";
  }
}

/// What jumps at a number that is not exact is worth a word: it can jump for an event for which the formula does not.
void warn_of_jumps(const Formula& formula, const std::vector<Jump>& jumps, std::vector<std::string>& warnings) {
  constexpr size_t kShown = 3;
  if (jumps.empty()) return;
  std::string list;
  double largest = 0;
  for (size_t i = 0; i < jumps.size(); ++i) {
    largest = std::max(largest, jumps[i].error);
    if (i >= kShown) continue;
    absl::StrAppend(&list, i == 0 ? "" : ", ", std::string(jumping(formula.terms[jumps[i].term])), " (",
                    formula.place(jumps[i].term), ")");
  }
  if (jumps.size() > kShown) absl::StrAppend(&list, " and ", jumps.size() - kShown, " more");
  warnings.push_back(absl::StrCat(
      list, jumps.size() == 1 ? " looks at a number that is" : " look at numbers that are", " right to within ",
      absl::StrFormat("%.1g", largest),
      ": an event closer than that to where the result jumps (to the next cell, whole number or branch) may fall on "
      "the "
      "other side of the jump than in floating point. StepError in a configuration makes such events fewer"));
}

}  // namespace

absl::StatusOr<LoweredFormula> lower_formula(const Formula& source, const model::TensorType& input,
                                             const FormulaConfig& config) {
  auto formula = formula::simplify(source);
  if (!formula.ok()) return formula.status();
  const Targets targets = targets_of(*formula, config);
  auto ranges = analyse_ranges(*formula, input, targets.errors);
  if (!ranges.ok()) return ranges.status();
  FunctionFits fits;
  const auto attempt = [&](double scale, bool count_types) {
    return Attempt(*formula, *ranges, input, targets).run(scale, count_types, fits);
  };
  // Budgets are shares that rarely all go the same way: they grow while the bound leaves room, and shrink until it
  // holds.
  double scale = 1, best_scale = 1, reached = 0;
  std::optional<Written> best;
  for (int attempts = 0; attempts < kMostAttempts; ++attempts) {
    auto result = attempt(scale, false);
    if (!result.ok() && !best) return result.status();
    reached = result.ok() ? result->reached : HUGE_VAL;
    const bool holds = reached <= 1;
    if (!holds && best) break;
    if (!holds) {
      scale *= std::clamp(0.9 / reached, 1.0 / 16, 0.75);
      continue;
    }
    best = *std::move(result);
    best_scale = scale;
    const double room = 0.7 / std::max(best->inside, 1e-30);
    if (room < 1.5 || attempts >= 3 || best->inside == 0) break;
    scale *= std::min(room, 16.0);
  }
  if (!best) {
    return absl::InvalidArgumentError(
        absl::StrFormat("an output error of %.3g cannot be reached: its bound stays at %.3g; allow a larger "
                        "OutputError, give inputs narrower "
                        "types (InputPrecision), or keep what is divided by, or an angle is taken of, away from 0",
                        targets.errors.least(), reached * targets.errors.least()));
  }
  if (!formula->types.empty()) {
    auto counted = attempt(best_scale, true);
    if (!counted.ok()) return counted.status();
    best = *std::move(counted);
  }
  best->formula.evaluations = fits.evaluations();
  warn_of_jumps(*formula, best->jumps, best->formula.warnings);
  return std::move(best->formula);
}

}  // namespace strobe::quantise
