#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "kernels/formula/formula.h"

namespace strobe::formula {

std::string Formula::place(TermId term) const {
  return absl::StrCat("line ", terms[term].line, ", column ", terms[term].column);
}

int64_t cell(const Table& table, double x) {
  const auto last = static_cast<double>(table.values.size() - 1);
  const double position = std::floor((x - table.low) / (table.high - table.low) * (last + 1));
  return static_cast<int64_t>(position >= 0 ? std::min(position, last) : 0);
}

double evaluate_term(const Formula& formula, const Term& term, std::span<const double> arguments) {
  const double a = arguments.empty() ? 0 : arguments[0];
  const double b = arguments.size() < 2 ? 0 : arguments[1];
  switch (term.op) {
    case Op::kInput:
    case Op::kConstant:
      return term.number;
    case Op::kAdd:
      return a + b;
    case Op::kSubtract:
      return a - b;
    case Op::kMultiply:
      return a * b;
    case Op::kDivide:
      return a / b;
    case Op::kNegate:
      return -a;
    case Op::kPower:
      return std::pow(a, b);
    case Op::kNorm:
      return std::sqrt(std::inner_product(arguments.begin(), arguments.end(), arguments.begin(), 0.0));
    case Op::kMaximum:
      return std::max(a, b);
    case Op::kMinimum:
      return std::min(a, b);
    case Op::kAbs:
      return std::abs(a);
    case Op::kSign:
      return a > 0 ? 1 : a < 0 ? -1 : 0;
    case Op::kFloor:
      return std::floor(a);
    case Op::kCeil:
      return std::ceil(a);
    case Op::kRound:
      return std::nearbyint(a);
    case Op::kGreater:
      return a > b ? 1 : 0;
    case Op::kGreaterEqual:
      return a >= b ? 1 : 0;
    case Op::kEqual:
      return a == b ? 1 : 0;
    case Op::kAnd:
      return a > 0 && b > 0 ? 1 : 0;
    case Op::kOr:
      return a > 0 || b > 0 ? 1 : 0;
    case Op::kNot:
      return a > 0 ? 0 : 1;
    case Op::kSelect:
      return a > 0 ? b : arguments[2];
    case Op::kTable:
      return formula.tables[term.index].values[static_cast<size_t>(cell(formula.tables[term.index], a))];
    case Op::kCast: {
      if (!std::isfinite(a)) return a;
      const model::FixedType& type = formula.types[term.index];
      return model::to_double(model::cast(a, type), type);
    }
    case Op::kFunction:
      return functions()[term.index].evaluate(a, term.number);
  }
  return 0;
}

void evaluate_terms(const Formula& formula, std::span<const double> inputs, std::vector<double>& values) {
  values.resize(formula.terms.size());
  std::vector<double> arguments;
  for (size_t t = 0; t < formula.terms.size(); ++t) {
    const Term& term = formula.terms[t];
    if (term.op == Op::kInput) {
      values[t] = inputs[term.index];
      continue;
    }
    arguments.clear();
    for (const TermId argument : term.arguments) arguments.push_back(values[argument]);
    values[t] = evaluate_term(formula, term, arguments);
  }
}

void evaluate(const Formula& formula, std::span<const double> inputs, std::span<double> outputs) {
  std::vector<double> values;
  evaluate_terms(formula, inputs, values);
  for (size_t o = 0; o < formula.outputs.size(); ++o) outputs[o] = values[formula.outputs[o].term];
}

}  // namespace strobe::formula
