#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/model/fixed_type.h"

/// Formulas as models: text with one expression an output becomes a directed acyclic graph of operations on real
/// numbers. What the language knows is in docs/formulas.md.
namespace strobe::formula {

using TermId = int32_t;

enum class Op : uint8_t {
  kInput,         ///< element `index` of the input vector
  kConstant,      ///< `number`
  kAdd,           ///< a + b
  kSubtract,      ///< a - b
  kMultiply,      ///< a b
  kDivide,        ///< a / b
  kNegate,        ///< -a
  kPower,         ///< a ^ b
  kNorm,          ///< sqrt(a^2 + b^2 + ...), of any number of arguments; made by `simplify`
  kMaximum,       ///< max(a, b)
  kMinimum,       ///< min(a, b)
  kAbs,           ///< |a|
  kSign,          ///< -1, 0 or 1
  kFloor,         ///< largest whole number not above a
  kCeil,          ///< smallest whole number not below a
  kRound,         ///< nearest whole number, ties to even
  kGreater,       ///< 1 where a > b, else 0
  kGreaterEqual,  ///< 1 where a >= b, else 0
  kEqual,         ///< 1 where a = b, else 0
  kAnd,           ///< 1 where a > 0 and b > 0, else 0
  kOr,            ///< 1 where a > 0 or b > 0, else 0
  kNot,           ///< 1 where a <= 0, else 0
  kSelect,        ///< a > 0 ? b : c
  kTable,         ///< tables[index], by the cell that a lies in
  kCast,          ///< a converted to types[index]
  kFunction,      ///< functions()[index] of a
};

/// One operation; its arguments come before it.
struct Term {
  Op op = Op::kConstant;
  std::vector<TermId> arguments;
  double number = 0;  ///< kConstant; kFunction: the parameter
  int index = 0;      ///< kInput, kTable, kCast, kFunction
  std::string name;   ///< the user's name for it, or empty
  int line = 0;       ///< where it first stands, from 1
  int column = 0;
};

/// A step function of one variable: cells of equal width from `low` to `high`; below and above, the outermost cells.
struct Table {
  std::string name;
  double low = 0, high = 1;
  std::vector<double> values;
  bool operator==(const Table&) const = default;
};

struct Output {
  std::string name;
  TermId term = 0;
  std::string expression;  ///< as the text has it, in one line
};

/// Expressions over one vector of inputs, common subexpressions shared, in an order in which arguments come first.
struct Formula {
  std::string text;                 ///< what it was read from; `parse` of it gives it again
  std::vector<std::string> inputs;  ///< names of the input vector's elements
  std::vector<Term> terms;
  std::vector<Table> tables;
  std::vector<model::FixedType> types;
  std::vector<Output> outputs;

  /// "line 3, column 14", for messages about a term.
  std::string place(TermId term) const;
};

/// Where a function of one variable has a value.
struct Domain {
  double low, high;
  bool open_low = false, open_high = false;  ///< without the limit itself
  bool not_zero = false;                     ///< without 0
};

/// A function of one variable that is evaluated from its values. Each is monotonic or convex on either side of 0, and
/// steepest at the ends of an interval or at 0, unless `steepest` limits its slope.
struct Function {
  std::string_view name;
  double (*evaluate)(double x, double parameter);
  double steepest;  ///< the largest slope anywhere; infinite where there is none
  Domain domain;    ///< `domain_of` knows more
};

/// The index of x^p, and of p^x; p is the term's `number`. The language writes them with `^`.
int power_function();
int exponential_function();

/// The parameter of an `inv` whose value at 0 nothing hangs on, as it is multiplied by 0 there: it is no division by 0.
inline constexpr double kZeroIsUnread = 1;
bool zero_is_unread(const Term& function);

/// Where the function of a term has values.
Domain domain_of(const Term& function);

std::span<const Function> functions();
/// Its index, or -1.
int find_function(std::string_view name);

/// Reads a text. `inputs` declares the input vector as an `input` line does ("x[16]", "pt, eta"), where the text has
/// none. Errors: InvalidArgument with line and column.
absl::StatusOr<Formula> parse(std::string_view text, std::string_view inputs = "");

/// The same formula in fewer operations: constants are folded, divisions and powers become products and functions of
/// one variable, which is what can be computed in fixed point, and roots of squares norms (roots.h). Errors:
/// InvalidArgument with line and column for a division by 0 or a constant without a value.
absl::StatusOr<Formula> simplify(const Formula& formula);

/// Evaluates one event in float64. Where a function has no value the result is not a number.
void evaluate(const Formula& formula, std::span<const double> inputs, std::span<double> outputs);

/// All terms' values of one event.
void evaluate_terms(const Formula& formula, std::span<const double> inputs, std::vector<double>& values);

/// One term's value, given its arguments'.
double evaluate_term(const Formula& formula, const Term& term, std::span<const double> arguments);

/// The cell of a table that x lies in.
int64_t cell(const Table& table, double x);

}  // namespace strobe::formula
