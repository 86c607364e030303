#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/formula/builder.h"
#include "kernels/formula/scope.h"
#include "kernels/formula/token_reader.h"

namespace strobe::formula {

/// Recursive descent. Precedence from loose to tight: ?:, or, and, not, comparisons, + -, * /, signs, ^ (to the right).
class ExpressionParser {
 public:
  /// Reads `tokens` of `text`; names mean what `scope` says, terms are made by `builder`.
  ExpressionParser(std::string_view text, TokenReader& tokens, Scope& scope, Builder& builder)
      : text_(text), tokens_(tokens), scope_(scope), builder_(builder) {}

  /// Errors: InvalidArgument with line and column.
  absl::StatusOr<TermId> expression();
  /// A type as the vendor spells it, up to the sign `end`; its number in the formula.
  absl::StatusOr<int> type_name(std::string_view end);

 private:
  using Result = absl::StatusOr<TermId>;

  struct Deeper {
    explicit Deeper(int& depth) : depth_(depth) { ++depth_; }
    ~Deeper() { --depth_; }
    int& depth_;
  };

  Result made(const Token& token, Op op, std::vector<TermId> arguments, int index = 0);
  Result alternatives();
  Result conjunction();
  /// Takes the operator and what stands to its right.
  Result infix(Op op, TermId left, Result (ExpressionParser::*operand)());
  Result negation();
  Result comparison();
  Result sum();
  Result product();
  Result sign();
  Result power();
  Result primary();
  Result variable(const Token& token);
  /// x[3]
  Result element(const Token& token);
  Result function_call(const Token& name);
  /// table(x, low, high, v0, v1, ...)
  Result table_call(const Token& name, const std::vector<TermId>& arguments);
  /// cast(x, ap_fixed<16,6>)
  Result cast_call(const Token& name);
  /// Piecewise((value, condition), ..., (value, True))
  Result piecewise(const Token& name);

  std::string_view text_;
  TokenReader& tokens_;
  Scope& scope_;
  Builder& builder_;
  int depth_ = 0;
};

}  // namespace strobe::formula
