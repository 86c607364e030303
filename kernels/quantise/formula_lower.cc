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

/// One attempt: the terms within a budget, then what becomes of the outputs.
class Attempt {
 public:
  Attempt(const Formula& formula, const FormulaRanges& ranges, const model::TensorType& input,
          const FormulaConfig& config)
      : formula_(formula), ranges_(ranges), config_(config), writer_(input) {}

  absl::StatusOr<LoweredFormula> run(double scale, bool count_types, FunctionFits& fits) && {
    const auto outputs = lower_terms(formula_, ranges_, {config_.output_error, scale, count_types}, fits, writer_);
    if (!outputs.ok()) return outputs.status();
    return finish(*outputs);
  }

 private:
  absl::StatusOr<LoweredFormula> finish(const std::vector<TermValue>& outputs) {
    LoweredFormula result;
    result.output = config_.output_type ? *config_.output_type : common_type(outputs);
    std::vector<StepId> results;
    for (size_t o = 0; o < outputs.size(); ++o) {
      if (config_.output_type) {
        if (absl::Status s = check_type(outputs[o].step, formula_.outputs[o]); !s.ok()) return s;
      }
      const int lost = writer_.at(outputs[o].step).fraction - result.output.fraction();
      const double step = result.output.step();
      const bool halved = result.output.rounding != Rounding::kTrn && result.output.rounding != Rounding::kTrnZero;
      result.error_inside = std::max(result.error_inside, outputs[o].error);
      result.error_bound = std::max(result.error_bound, outputs[o].error + (lost > 0 ? halved ? step / 2 : step : 0));
      results.push_back(writer_.cast(outputs[o].step, result.output));
      if (!writer_.status().ok()) return located(formula_, formula_.outputs[o].term, writer_.status());
    }
    for (size_t o = 0; o < results.size(); ++o) {
      if (results[o] != outputs[o].step) writer_.name(results[o], formula_.outputs[o].name);
    }
    result.program = std::move(writer_).finish(results);
    result.warnings = ranges_.warnings;
    return result;
  }

  /// Holds all outputs on one grid that loses a quarter of the error at most.
  FixedType common_type(const std::vector<TermValue>& outputs) const {
    int fraction = -60;
    for (const TermValue& y : outputs) fraction = std::max(fraction, writer_.at(y.step).fraction);
    fraction = std::min(fraction, static_cast<int>(std::ceil(-std::log2(config_.output_error / 2))));
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

  absl::Status check_type(StepId y, const formula::Output& output) const {
    const FixedType& type = *config_.output_type;
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
  const FormulaConfig& config_;
  StepWriter writer_;
};

/// A step function's argument that is not exact is worth a word.
void warn_of_steps(const Formula& formula, double step_error, LoweredFormula& result) {
  int jumps = 0;
  for (const Term& term : formula.terms) {
    jumps += term.op == Op::kFloor || term.op == Op::kCeil || term.op == Op::kRound || term.op == Op::kTable;
  }
  if (jumps == 0) return;
  result.warnings.push_back(absl::StrCat(jumps, " roundings or tables see their arguments to within about ",
                                         absl::StrFormat("%.2g", step_error),
                                         " (StepError): closer to a jump, either side may come out"));
}

}  // namespace

absl::StatusOr<LoweredFormula> lower_formula(const Formula& source, const model::TensorType& input,
                                             const FormulaConfig& config) {
  auto formula = formula::simplify(source);
  if (!formula.ok()) return formula.status();
  const double step_error = config.step_error > 0 ? config.step_error : config.output_error / 16;
  auto ranges = analyse_ranges(*formula, input.types[0], config.output_error, step_error, config.saturate);
  if (!ranges.ok()) return ranges.status();
  FunctionFits fits;
  const auto attempt = [&](double scale, bool count_types) {
    return Attempt(*formula, *ranges, input, config).run(scale, count_types, fits);
  };
  // Budgets are shares that rarely all go the same way: they grow while the bound leaves room, and shrink until it
  // holds.
  double scale = 1, best_scale = 1, reached = 0;
  std::optional<LoweredFormula> best;
  for (int attempts = 0; attempts < kMostAttempts; ++attempts) {
    auto result = attempt(scale, false);
    if (!result.ok() && !best) return result;
    // What a given type loses is the user's wish.
    reached = !result.ok() ? HUGE_VAL : config.output_type ? result->error_inside : result->error_bound;
    const bool holds = reached <= config.output_error;
    if (!holds && best) break;
    if (!holds) {
      scale *= std::clamp(0.9 * config.output_error / reached, 1.0 / 16, 0.75);
      continue;
    }
    best = *std::move(result);
    best_scale = scale;
    const double room = 0.7 * config.output_error / std::max(best->error_inside, 1e-30);
    if (room < 1.5 || attempts >= 3 || best->error_inside == 0) break;
    scale *= std::min(room, 16.0);
  }
  if (!best) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "an output error of %.3g cannot be reached: its bound stays at %.3g", config.output_error, reached));
  }
  if (!formula->types.empty()) {
    auto counted = attempt(best_scale, true);
    if (!counted.ok()) return counted;
    best = *std::move(counted);
  }
  best->evaluations = fits.evaluations();
  warn_of_steps(*formula, step_error, *best);
  return *std::move(best);
}

}  // namespace strobe::quantise
