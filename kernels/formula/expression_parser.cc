#include "kernels/formula/expression_parser.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace strobe::formula {
namespace {

constexpr int kDeepest = 1000;
constexpr size_t kMostTerms = 200'000;

}  // namespace

absl::StatusOr<TermId> ExpressionParser::expression() {
  const Deeper deeper(depth_);
  const Token& start = tokens_.peek();
  if (depth_ > kDeepest) return error_at(start, "operators are nested too deeply");
  if (builder_.formula().terms.size() > kMostTerms)
    return error_at(start, absl::StrCat("more than ", kMostTerms, " operations"));
  auto condition = alternatives();
  if (!condition.ok() || !tokens_.accept("?")) return condition;
  auto yes = expression();
  if (!yes.ok()) return yes;
  if (absl::Status s = tokens_.expect(":"); !s.ok()) return s;
  auto no = expression();
  if (!no.ok()) return no;
  return made(start, Op::kSelect, {*condition, *yes, *no});
}

ExpressionParser::Result ExpressionParser::made(const Token& token, Op op, std::vector<TermId> arguments, int index) {
  builder_.at(token.line, token.column);
  return builder_.make(op, std::move(arguments), index);
}

ExpressionParser::Result ExpressionParser::alternatives() {
  auto left = conjunction();
  while (left.ok() && (tokens_.is("|") || tokens_.is("||") || tokens_.is_word("or")))
    left = infix(Op::kOr, *left, &ExpressionParser::conjunction);
  return left;
}

ExpressionParser::Result ExpressionParser::conjunction() {
  auto left = negation();
  while (left.ok() && (tokens_.is("&") || tokens_.is("&&") || tokens_.is_word("and")))
    left = infix(Op::kAnd, *left, &ExpressionParser::negation);
  return left;
}

ExpressionParser::Result ExpressionParser::infix(Op op, TermId left, Result (ExpressionParser::*operand)()) {
  const Token& token = tokens_.take();
  auto right = (this->*operand)();
  if (!right.ok()) return right;
  return made(token, op, {left, *right});
}

ExpressionParser::Result ExpressionParser::negation() {
  const Deeper deeper(depth_);
  if (depth_ > kDeepest) return error_at(tokens_.peek(), "operators are nested too deeply");
  if (!tokens_.is("!") && !tokens_.is("~") && !tokens_.is_word("not")) return comparison();
  const Token& token = tokens_.take();
  auto operand = negation();
  if (!operand.ok()) return operand;
  return made(token, Op::kNot, {*operand});
}

ExpressionParser::Result ExpressionParser::comparison() {
  auto left = sum();
  if (!left.ok()) return left;
  const Token token = tokens_.peek();
  static constexpr std::string_view kComparisons[] = {"<", ">", "<=", ">=", "==", "!="};
  if (token.kind != Token::kSymbol ||
      std::find(std::begin(kComparisons), std::end(kComparisons), token.text) == std::end(kComparisons))
    return left;
  tokens_.take();
  auto right = sum();
  if (!right.ok()) return right;
  if (token.text == ">") return made(token, Op::kGreater, {*left, *right});
  if (token.text == "<") return made(token, Op::kGreater, {*right, *left});
  if (token.text == ">=") return made(token, Op::kGreaterEqual, {*left, *right});
  if (token.text == "<=") return made(token, Op::kGreaterEqual, {*right, *left});
  auto equal = made(token, Op::kEqual, {*left, *right});
  return token.text == "==" ? equal : made(token, Op::kNot, {*equal});
}

ExpressionParser::Result ExpressionParser::sum() {
  auto left = product();
  while (left.ok() && (tokens_.is("+") || tokens_.is("-"))) {
    left = infix(tokens_.is("+") ? Op::kAdd : Op::kSubtract, *left, &ExpressionParser::product);
  }
  return left;
}

ExpressionParser::Result ExpressionParser::product() {
  auto left = sign();
  while (left.ok() && (tokens_.is("*") || tokens_.is("/"))) {
    left = infix(tokens_.is("*") ? Op::kMultiply : Op::kDivide, *left, &ExpressionParser::sign);
  }
  return left;
}

ExpressionParser::Result ExpressionParser::sign() {
  const Deeper deeper(depth_);
  if (depth_ > kDeepest) return error_at(tokens_.peek(), "operators are nested too deeply");
  if (tokens_.accept("+")) return sign();
  if (!tokens_.is("-")) return power();
  const Token& token = tokens_.take();
  auto operand = sign();
  if (!operand.ok()) return operand;
  builder_.at(token.line, token.column);
  return builder_.negate(*operand);
}

ExpressionParser::Result ExpressionParser::power() {
  auto base = primary();
  if (!base.ok() || (!tokens_.is("^") && !tokens_.is("**"))) return base;
  return infix(Op::kPower, *base, &ExpressionParser::sign);
}

ExpressionParser::Result ExpressionParser::primary() {
  const Token token = tokens_.take();
  builder_.at(token.line, token.column);
  if (token.kind == Token::kNumber) return builder_.constant(token.number);
  if (token.kind == Token::kName) return tokens_.is("(") ? function_call(token) : variable(token);
  if (token.kind == Token::kSymbol && token.text == "(") {
    auto inner = expression();
    if (!inner.ok()) return inner;
    if (absl::Status s = tokens_.expect(")"); !s.ok()) return s;
    return inner;
  }
  return error_at(token, absl::StrCat("expected a number, a name or '(', found ", quoted(token)));
}

ExpressionParser::Result ExpressionParser::variable(const Token& token) {
  const std::string name(token.text);
  if (!scope_.is_bound(name) && tokens_.accept("[")) return element(token);
  auto result = scope_.variable(name);
  return result.ok() ? result : error_at(token, std::string(result.status().message()));
}

ExpressionParser::Result ExpressionParser::element(const Token& token) {
  const Token index = tokens_.take();
  if (absl::Status s = tokens_.expect("]"); !s.ok()) return s;
  if (index.kind != Token::kNumber || index.number != std::floor(index.number))
    return error_at(index, absl::StrCat("expected an element's number, found ", quoted(index)));
  auto result = scope_.element(std::string(token.text), index.number);
  if (result.ok()) return result;
  return error_at(absl::IsOutOfRange(result.status()) ? index : token, std::string(result.status().message()));
}

ExpressionParser::Result ExpressionParser::function_call(const Token& name) {
  tokens_.take();  // the bracket
  const std::string function(name.text);
  if (function == "cast") return cast_call(name);
  if (function == "Piecewise") return piecewise(name);
  std::vector<TermId> arguments;
  if (!tokens_.is(")")) {
    do {
      auto argument = expression();
      if (!argument.ok()) return argument;
      arguments.push_back(*argument);
    } while (tokens_.accept(","));
  }
  if (absl::Status s = tokens_.expect(")"); !s.ok()) return s;
  builder_.at(name.line, name.column);
  if (const int table = scope_.table(function); table >= 0) {
    if (arguments.size() != 1) return error_at(name, absl::StrCat("table '", function, "' takes 1 argument"));
    return builder_.make(Op::kTable, {arguments[0]}, table);
  }
  if (function == "table") return table_call(name, arguments);
  auto result = call(builder_, function, arguments);
  if (result.ok()) return result;
  if (absl::IsNotFound(result.status())) {
    return error_at(name, absl::StrCat("no function is called '", function, "'; known: ", function_names()));
  }
  return error_at(name, std::string(result.status().message()));
}

ExpressionParser::Result ExpressionParser::table_call(const Token& name, const std::vector<TermId>& arguments) {
  if (arguments.size() < 4) return error_at(name, "'table' takes x, low, high and one or more values");
  Table table;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const double* number = builder_.number(arguments[i]);
    if (number == nullptr) return error_at(name, "all arguments of 'table' but the first must be numbers");
    (i == 1 ? table.low : i == 2 ? table.high : table.values.emplace_back()) = *number;
  }
  if (!(table.low < table.high)) return error_at(name, "a table's lower limit must be below its upper one");
  return builder_.make(Op::kTable, {arguments[0]}, builder_.add_table(std::move(table)));
}

ExpressionParser::Result ExpressionParser::cast_call(const Token& name) {
  auto value = expression();
  if (!value.ok()) return value;
  if (absl::Status s = tokens_.expect(","); !s.ok()) return s;
  auto type = type_name(")");
  if (!type.ok()) return type.status();
  if (absl::Status s = tokens_.expect(")"); !s.ok()) return s;
  return made(name, Op::kCast, {*value}, *type);
}

ExpressionParser::Result ExpressionParser::piecewise(const Token& name) {
  std::vector<std::pair<TermId, TermId>> pieces;
  do {
    if (absl::Status s = tokens_.expect("("); !s.ok()) return s;
    auto value = expression();
    if (!value.ok()) return value;
    if (absl::Status s = tokens_.expect(","); !s.ok()) return s;
    auto condition = expression();
    if (!condition.ok()) return condition;
    if (absl::Status s = tokens_.expect(")"); !s.ok()) return s;
    pieces.emplace_back(*value, *condition);
  } while (tokens_.accept(","));
  if (absl::Status s = tokens_.expect(")"); !s.ok()) return s;
  builder_.at(name.line, name.column);
  const double* last = builder_.number(pieces.back().second);
  if (last == nullptr || *last <= 0) return error_at(name, "the last piece of 'Piecewise' must hold for True");
  TermId result = pieces.back().first;
  for (size_t i = pieces.size() - 1; i-- > 0;) {
    result = builder_.make(Op::kSelect, {pieces[i].second, pieces[i].first, result});
  }
  return result;
}

absl::StatusOr<int> ExpressionParser::type_name(std::string_view end) {
  const Token first = tokens_.peek();
  while (!tokens_.is(end) && tokens_.peek().kind != Token::kNewline && tokens_.peek().kind != Token::kEnd)
    tokens_.take();
  std::string spelling;
  for (const char c : text_.substr(first.offset, tokens_.peek().offset - first.offset)) {
    if (c != '\'' && c != '"' && c != '\n' && c != '\r') spelling += c;
  }
  const size_t last = spelling.find_last_not_of(" \t");
  auto type = model::FixedType::parse(spelling.substr(0, last == std::string::npos ? 0 : last + 1));
  if (!type.ok()) return error_at(first, std::string(type.status().message()));
  if (type->width == 0) return error_at(first, "a type of 0 bits holds nothing");
  return builder_.add_type(*type);
}

}  // namespace strobe::formula
