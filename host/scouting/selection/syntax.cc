#include "host/scouting/selection/syntax.h"

#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/scouting/core/shortened.h"

namespace strobe::scouting::selection {
namespace {

/// What reads nested expressions calls itself this often at most.
constexpr int kDeepest = 200;
/// Chains of operators become nested expressions too.
constexpr size_t kMostTokens = 4000;
constexpr int64_t kHighestIndex = 1'000'000;

struct Token {
  enum Kind : uint8_t { kNumber, kName, kSymbol, kEnd };
  Kind kind = kEnd;
  std::string_view text;
  double number = 0;
  size_t at = 0;
};

std::string quoted(const Token& token) {
  if (token.kind == Token::kEnd) return "the end";
  return absl::StrCat("'", std::string(token.text.substr(0, 40)), "'");
}

bool is_digit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool starts_name(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }

constexpr std::string_view kSymbols[] = {"<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/", "^",
                                         "(",  ")",  "[",  "]",  ",",  ".",  ":", "?", "<", ">", "!"};

/// Length of a number's spelling: digits, a fraction (a point that a digit follows or precedes), an exponent.
size_t number_length(std::string_view text) {
  size_t end = 0;
  const auto digits = [&] {
    while (end < text.size() && is_digit(text[end])) ++end;
  };
  digits();
  if (end < text.size() && text[end] == '.') {
    ++end;
    digits();
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    size_t exponent = end + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    if (exponent < text.size() && is_digit(text[exponent])) {
      end = exponent;
      digits();
    }
  }
  return end;
}

absl::StatusOr<std::vector<Token>> tokenise(std::string_view text) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const char c = rest[0];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at;
      continue;
    }
    Token token{Token::kSymbol, {}, 0, at};
    if (is_digit(c) || (c == '.' && rest.size() > 1 && is_digit(rest[1]))) {
      token.kind = Token::kNumber;
      token.text = rest.substr(0, number_length(rest));
      token.number = std::strtod(std::string(token.text).c_str(), nullptr);
      const size_t after = at + token.text.size();
      if (after < text.size() && starts_name(text[after]))
        return flaw_at(at, absl::StrCat("'", std::string(rest.substr(0, token.text.size() + 1)),
                                        "' is neither a number nor a name"));
      if (!std::isfinite(token.number)) return flaw_at(at, absl::StrCat(quoted(token), " is too large a number"));
    } else if (starts_name(c)) {
      size_t length = 1;
      while (length < rest.size() && (starts_name(rest[length]) || is_digit(rest[length]))) ++length;
      if (length > kLongestName)
        return flaw_at(at, absl::StrCat("a name of ", length, " characters, '", shortened(rest.substr(0, length), 20),
                                        "'; ", kLongestName, " are the most"));
      token.kind = Token::kName;
      token.text = rest.substr(0, length);
    } else {
      for (const std::string_view symbol : kSymbols) {
        if (token.text.empty() && rest.starts_with(symbol)) token.text = rest.substr(0, symbol.size());
      }
      if (token.text.empty())
        return flaw_at(
            at, absl::StrCat("a selection has no sign '", absl::ascii_isprint(c) ? std::string(1, c) : "?", "'"));
    }
    at += token.text.size();
    tokens.push_back(token);
    if (tokens.size() > kMostTokens) return flaw_at(at, absl::StrCat("more than ", kMostTokens, " words and signs"));
  }
  tokens.push_back({Token::kEnd, {}, 0, text.size()});
  return tokens;
}

struct Operator {
  std::string_view name;
  int binds;  ///< tighter is larger
};

constexpr int kChoiceBinds = 1, kNotBinds = 4, kComparisonBinds = 5, kSignBinds = 8, kPowerBinds = 9;

/// The infix operator that a token is. `&&` and `||` are spelt out.
std::optional<Operator> infix(const Token& token) {
  constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"?", {"?", kChoiceBinds}},
      {"or", {"or", 2}},
      {"||", {"or", 2}},
      {"and", {"and", 3}},
      {"&&", {"and", 3}},
      {"<", {"<", kComparisonBinds}},
      {"<=", {"<=", kComparisonBinds}},
      {">", {">", kComparisonBinds}},
      {">=", {">=", kComparisonBinds}},
      {"==", {"==", kComparisonBinds}},
      {"!=", {"!=", kComparisonBinds}},
      {"+", {"+", 6}},
      {"-", {"-", 6}},
      {"*", {"*", 7}},
      {"/", {"/", 7}},
      {"^", {"^", kPowerBinds}},
  };
  if (token.kind != Token::kSymbol && token.kind != Token::kName) return std::nullopt;
  for (const auto& [spelling, op] : kOperators) {
    if (token.text == spelling) return op;
  }
  return std::nullopt;
}

/// Operator precedence parsing after Pratt.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<Expression> run() {
    auto whole = expression(0);
    if (!whole.ok()) return whole;
    if (peek().kind != Token::kEnd)
      return flaw_at(peek().at, absl::StrCat("expected an operator or the end, found ", quoted(peek())));
    return whole;
  }

 private:
  using Result = absl::StatusOr<Expression>;

  const Token& peek() const { return tokens_[next_]; }
  const Token& take() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  bool is(std::string_view text) const {
    return (peek().kind == Token::kSymbol || peek().kind == Token::kName) && peek().text == text;
  }
  bool accept(std::string_view text) {
    if (!is(text)) return false;
    take();
    return true;
  }
  absl::Status expect(std::string_view symbol) {
    if (accept(symbol)) return absl::OkStatus();
    return flaw_at(peek().at, absl::StrCat("expected '", std::string(symbol), "', found ", quoted(peek())));
  }
  static Expression make(Expression::Kind kind, std::string_view name, size_t at, std::vector<Expression> parts) {
    Expression made;
    made.kind = kind;
    made.name = std::string(name);
    made.at = at;
    made.parts = std::move(parts);
    return made;
  }

  /// An expression whose operators bind tighter than `loosest`.
  Result expression(int loosest) {
    if (++depth_ > kDeepest) return flaw_at(peek().at, absl::StrCat("more than ", kDeepest, " expressions in another"));
    auto left = prefix();
    while (left.ok()) {
      const auto op = infix(peek());
      if (!op || op->binds <= loosest) break;
      left = continued(std::move(*left), *op);
    }
    --depth_;
    return left;
  }

  Result continued(Expression left, const Operator& op) {
    const size_t at = left.at;
    take();
    if (op.binds == kChoiceBinds) return choice(std::move(left));
    auto right = expression(op.binds == kPowerBinds ? kSignBinds - 1 : op.binds);
    if (!right.ok()) return right;
    const auto following = infix(peek());
    if (op.binds == kComparisonBinds && following && following->binds == kComparisonBinds)
      return flaw_at(peek().at, "comparisons are not chained: join two with 'and'");
    std::vector<Expression> parts;
    parts.push_back(std::move(left));
    parts.push_back(std::move(*right));
    return make(Expression::Kind::kBinary, op.name, at, std::move(parts));
  }

  Result choice(Expression condition) {
    const size_t at = condition.at;
    auto yes = expression(0);
    if (!yes.ok()) return yes;
    if (absl::Status s = expect(":"); !s.ok()) return s;
    auto no = expression(0);
    if (!no.ok()) return no;
    std::vector<Expression> parts;
    parts.push_back(std::move(condition));
    parts.push_back(std::move(*yes));
    parts.push_back(std::move(*no));
    return make(Expression::Kind::kChoice, "?", at, std::move(parts));
  }

  Result prefix() {
    const size_t at = peek().at;
    const bool is_not = is("not") || is("!");
    if (is_not || is("-") || is("+")) {
      const bool plus = is("+");
      take();
      auto operand = expression(is_not ? kNotBinds - 1 : kSignBinds - 1);
      if (!operand.ok() || plus) return operand;
      std::vector<Expression> parts;
      parts.push_back(std::move(*operand));
      return make(Expression::Kind::kUnary, is_not ? "not" : "-", at, std::move(parts));
    }
    auto made = primary();
    while (made.ok() && (is("[") || is("."))) made = is("[") ? index(std::move(*made)) : member(std::move(*made));
    return made;
  }

  Result primary() {
    const Token token = take();
    if (token.kind == Token::kNumber) {
      Expression number = make(Expression::Kind::kNumber, token.text, token.at, {});
      number.number = token.number;
      return number;
    }
    if (token.kind == Token::kName && !infix(token)) {
      if (!is("(")) return make(Expression::Kind::kName, token.text, token.at, {});
      return call(token);
    }
    if (token.kind == Token::kSymbol && token.text == "(") {
      auto inside = expression(0);
      if (!inside.ok()) return inside;
      if (absl::Status s = expect(")"); !s.ok()) return s;
      return inside;
    }
    return flaw_at(token.at, absl::StrCat("expected a number, a name or '(', found ", quoted(token)));
  }

  Result call(const Token& function) {
    take();
    std::vector<Expression> arguments;
    if (!is(")")) {
      do {
        auto argument = expression(0);
        if (!argument.ok()) return argument;
        arguments.push_back(std::move(*argument));
      } while (accept(","));
    }
    if (absl::Status s = expect(")"); !s.ok()) return s;
    return make(Expression::Kind::kCall, function.text, function.at, std::move(arguments));
  }

  absl::StatusOr<int64_t> whole_number() {
    const Token token = take();
    if (token.kind != Token::kNumber || token.number != std::floor(token.number) || token.number > kHighestIndex)
      return flaw_at(token.at, absl::StrCat("expected a whole number, found ", quoted(token)));
    return static_cast<int64_t>(token.number);
  }

  Result index(Expression of) {
    const size_t at = of.at;
    take();
    std::vector<Expression> parts;
    parts.push_back(std::move(of));
    Expression made = make(Expression::Kind::kIndex, "", at, std::move(parts));
    const auto low = whole_number();
    if (!low.ok()) return low.status();
    made.low = *low;
    made.high = *low + 1;
    if (accept(":")) {
      made.is_range = true;
      const size_t high_at = peek().at;
      const auto high = whole_number();
      if (!high.ok()) return high.status();
      if (*high <= *low)
        return flaw_at(high_at, absl::StrCat("expected a range's end above its beginning ", *low, ", found ", *high));
      made.high = *high;
    }
    if (absl::Status s = expect("]"); !s.ok()) return s;
    return made;
  }

  Result member(Expression of) {
    const size_t at = of.at;
    take();
    std::vector<Expression> parts;
    parts.push_back(std::move(of));
    Expression made = make(Expression::Kind::kMember, "", at, std::move(parts));
    const bool several = accept("(");
    do {
      const Token name = take();
      if (name.kind != Token::kName)
        return flaw_at(name.at, absl::StrCat("expected a field's name after '.', found ", quoted(name)));
      (several ? made.names.emplace_back() : made.name) = std::string(name.text);
    } while (several && accept(","));
    if (several) {
      if (absl::Status s = expect(")"); !s.ok()) return s;
    }
    return made;
  }

  std::vector<Token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
};

}  // namespace

absl::Status flaw_at(size_t at, const std::string& flaw) {
  return absl::InvalidArgumentError(absl::StrCat("at character ", at + 1, ": ", flaw));
}

absl::StatusOr<Expression> parse(std::string_view text) {
  auto tokens = tokenise(text);
  if (!tokens.ok()) return tokens.status();
  return Parser(std::move(*tokens)).run();
}

}  // namespace strobe::scouting::selection
