#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/formula/builder.h"
#include "kernels/formula/roots.h"

namespace strobe::formula {
namespace {

/// Whole powers up to this are products.
constexpr int kLargestProduct = 16;

class Simplifier {
 public:
  explicit Simplifier(const Formula& source) : source_(source) {
    builder_.formula().inputs = source.inputs;
    builder_.formula().tables = source.tables;
    builder_.formula().types = source.types;
  }

  absl::StatusOr<Formula> run() {
    for (size_t t = 0; t < source_.terms.size(); ++t) {
      const Term& term = source_.terms[t];
      builder_.at(term.line, term.column);
      auto made = translate(term);
      if (!made.ok()) return at(term, made.status());
      Term& result = builder_.formula().terms[*made];
      if (result.name.empty() && result.op != Op::kInput && result.op != Op::kConstant) result.name = term.name;
      terms_.push_back(*made);
    }
    for (const Output& output : source_.outputs)
      builder_.formula().outputs.push_back({output.name, terms_[output.term], output.expression});
    builder_.formula().text = source_.text;
    forget_unread();
    return std::move(builder_.formula());
  }

 private:
  using Result = absl::StatusOr<TermId>;

  static absl::Status at(const Term& term, const absl::Status& status) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", term.line, ", column ", term.column, ": ", status.message()));
  }

  /// Keeps what outputs hang on: whatever else would be analysed, and warned of, for nothing.
  void forget_unread() {
    Formula& formula = builder_.formula();
    std::vector<bool> read(formula.terms.size());
    for (const Output& output : formula.outputs) read[output.term] = true;
    for (size_t t = formula.terms.size(); t-- > 0;) {
      if (!read[t]) continue;
      for (const TermId argument : formula.terms[t].arguments) read[argument] = true;
    }
    std::vector<Term> kept;
    std::vector<TermId> place(formula.terms.size());
    for (size_t t = 0; t < formula.terms.size(); ++t) {
      if (!read[t]) continue;
      for (TermId& argument : formula.terms[t].arguments) argument = place[argument];
      place[t] = static_cast<TermId>(kept.size());
      kept.push_back(std::move(formula.terms[t]));
    }
    formula.terms = std::move(kept);
    for (Output& output : formula.outputs) output.term = place[output.term];
  }

  Result translate(const Term& term) {
    if (term.op == Op::kInput) return builder_.input(term.index);
    if (term.op == Op::kConstant) return builder_.constant(term.number);
    std::vector<TermId> arguments;
    for (const TermId argument : term.arguments) arguments.push_back(terms_[argument]);
    if (Result folded = fold(term, arguments); !folded.ok() || *folded >= 0) return folded;
    const double* b = arguments.size() == 2 ? builder_.number(arguments[1]) : nullptr;
    switch (term.op) {
      case Op::kDivide:
        return divide(arguments[0], arguments[1]);
      case Op::kPower:
        return power(arguments[0], arguments[1]);
      case Op::kMultiply:
        if (b != nullptr && *b == 1) return arguments[0];
        if (const double* a = builder_.number(arguments[0]); a != nullptr && *a == 1) return arguments[1];
        return product(arguments[0], arguments[1]);
      case Op::kSelect:
        if (const double* c = builder_.number(arguments[0])) return *c > 0 ? arguments[1] : arguments[2];
        if (arguments[1] == arguments[2]) return arguments[1];
        break;
      case Op::kFunction:
        if (term.index == find_function("sqrt")) return square_root(builder_, arguments[0]);
        break;
      default:
        break;
    }
    return builder_.make(term.op, std::move(arguments), term.index, term.number);
  }

  /// The value of an operation on numbers alone; -1 where one of them is none.
  Result fold(const Term& term, const std::vector<TermId>& arguments) {
    std::array<double, 3> values{};
    for (size_t i = 0; i < arguments.size(); ++i) {
      const double* number = builder_.number(arguments[i]);
      if (number == nullptr) return -1;
      values[i] = *number;
    }
    const double value = evaluate_term(source_, term, std::span(values).first(arguments.size()));
    if (!std::isfinite(value)) return absl::InvalidArgumentError("has no value: its arguments are constants");
    return builder_.constant(value);
  }

  Result divide(TermId a, TermId b) {
    if (a == b) return builder_.constant(1);
    if (const double* divisor = builder_.number(b)) {
      if (*divisor == 0) return absl::InvalidArgumentError("division by 0");
      const double factor = 1 / *divisor;
      if (!std::isfinite(factor)) return absl::InvalidArgumentError("division by a number too close to 0");
      return builder_.make(Op::kMultiply, {a, builder_.constant(factor)});
    }
    const TermId inverse = builder_.function("inv", b);
    const double* numerator = builder_.number(a);
    if (numerator != nullptr && *numerator == 1) return inverse;
    return builder_.make(Op::kMultiply, {a, inverse});
  }

  Result power(TermId base, TermId exponent) {
    if (const double* p = builder_.number(exponent)) {
      if (*p == std::floor(*p) && *p >= 0 && *p <= kLargestProduct) return whole_power(base, static_cast<int>(*p));
      if (*p == 0.5) return square_root(builder_, base);
      if (*p == -1) return builder_.function("inv", base);
      return builder_.make(Op::kFunction, {base}, power_function(), *p);
    }
    if (const double* c = builder_.number(base)) {
      if (!(*c > 0)) return absl::InvalidArgumentError("a power with a variable exponent needs a positive base");
      return builder_.make(Op::kFunction, {exponent}, exponential_function(), *c);
    }
    return builder_.function("exp", builder_.make(Op::kMultiply, {exponent, builder_.function("log", base)}));
  }

  bool is_function(TermId t, const char* name) const {
    const Term& term = builder_.formula().terms[t];
    return term.op == Op::kFunction && term.index == find_function(name);
  }

  /// a b; with sin(u) cos(u) = sin(2 u) / 2, which is one function instead of two and a product.
  TermId product(TermId a, TermId b) {
    const Term left = builder_.formula().terms[a];
    if (left.op == Op::kNegate) return builder_.negate(product(left.arguments[0], b));
    for (const auto& [one, other] : {std::pair("sin", "cos"), std::pair("cos", "sin")}) {
      if (!is_function(b, other)) continue;
      const TermId angle = builder_.formula().terms[b].arguments[0];
      if (is_function(a, one) && left.arguments[0] == angle) return sine_of_twice(angle, 0.5);
      for (size_t i = 0; left.op == Op::kMultiply && i < 2; ++i) {
        const TermId wave = left.arguments[i], rest = left.arguments[1 - i];
        if (!is_function(wave, one) || builder_.formula().terms[wave].arguments[0] != angle) continue;
        if (const double* number = builder_.number(rest)) return sine_of_twice(angle, *number / 2);
        return builder_.make(Op::kMultiply, {rest, sine_of_twice(angle, 0.5)});
      }
    }
    return builder_.make(Op::kMultiply, {a, b});
  }

  /// factor sin(2 angle)
  TermId sine_of_twice(TermId angle, double factor) {
    const TermId twice = builder_.make(Op::kMultiply, {angle, builder_.constant(2)});
    return builder_.make(Op::kMultiply, {builder_.function("sin", twice), builder_.constant(factor)});
  }

  /// x^n by squares.
  TermId whole_power(TermId x, int n) {
    if (n == 0) return builder_.constant(1);
    if (n == 1) return x;
    const TermId half = whole_power(x, n / 2);
    const TermId square = builder_.make(Op::kMultiply, {half, half});
    return n % 2 == 0 ? square : builder_.make(Op::kMultiply, {square, x});
  }

  const Formula& source_;
  Builder builder_;
  std::vector<TermId> terms_;
};

}  // namespace

absl::StatusOr<Formula> simplify(const Formula& formula) { return Simplifier(formula).run(); }

}  // namespace strobe::formula
