#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kernels/formula/builder.h"
#include "kernels/formula/lexer.h"

namespace strobe::formula {
namespace {

constexpr int kDeepest = 1000;
constexpr size_t kMostTerms = 200'000;
constexpr int64_t kMostInputs = 65536;
constexpr size_t kMostEntries = 1 << 20;

std::string quoted(const Token& token) {
  if (token.kind == Token::kNewline || token.kind == Token::kEnd) return "the end of the line";
  return absl::StrCat("'", std::string(token.text.substr(0, 40)), "'");
}

/// Recursive descent. Precedence from loose to tight: ?:, or, and, not, comparisons, + -, * /, signs, ^ (to the right).
class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  absl::StatusOr<Formula> run(std::string_view inputs) {
    if (absl::Status s = declare_from_outside(inputs); !s.ok()) return s;
    while (peek().kind != Token::kEnd) {
      if (peek().kind == Token::kNewline) {
        ++at_;
        continue;
      }
      if (absl::Status s = statement(); !s.ok()) return s;
      if (peek().kind != Token::kNewline)
        return error(peek(), absl::StrCat("expected an operator or the end of the line, found ", quoted(peek())));
    }
    return finish();
  }

 private:
  using Result = absl::StatusOr<TermId>;

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is(std::string_view symbol, size_t ahead = 0) const {
    return peek(ahead).kind == Token::kSymbol && peek(ahead).text == symbol;
  }
  bool is_word(std::string_view word) const { return peek().kind == Token::kName && peek().text == word; }
  bool accept(std::string_view symbol) {
    if (!is(symbol)) return false;
    ++at_;
    return true;
  }
  static absl::Status error(const Token& token, const std::string& flaw) {
    return text_error(token.line, token.column, flaw);
  }
  absl::Status expect(std::string_view symbol) {
    if (accept(symbol)) return absl::OkStatus();
    return error(peek(), absl::StrCat("expected '", std::string(symbol), "', found ", quoted(peek())));
  }

  // Statements.

  absl::Status declare_from_outside(std::string_view inputs) {
    if (inputs.empty()) return absl::OkStatus();
    auto tokens = tokenise(inputs);
    if (!tokens.ok()) return absl::Status(tokens.status().code(), absl::StrCat("inputs: ", tokens.status().message()));
    std::swap(tokens_, *tokens);
    absl::Status status = declare_inputs();
    while (status.ok() && peek().kind == Token::kNewline) ++at_;
    if (status.ok() && peek().kind != Token::kEnd)
      status = error(peek(), absl::StrCat("expected ',' or the end, found ", quoted(peek())));
    std::swap(tokens_, *tokens);
    at_ = 0;
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat("inputs: ", status.message()));
    return absl::OkStatus();
  }

  absl::Status statement() {
    const bool has_name = peek(1).kind == Token::kName;
    if (is_word("input") && has_name) {
      ++at_;
      return declare_inputs();
    }
    if (is_word("table") && has_name) {
      ++at_;
      return declare_table();
    }
    if (is_word("output") && has_name) {
      ++at_;
      return binding(true);
    }
    if (peek().kind == Token::kName && (is("=", 1) || is(":", 1))) return binding(false);
    const Token& start = peek();
    auto value = expression();
    if (!value.ok()) return value.status();
    return add_output(start, absl::StrCat("y", builder_.formula().outputs.size()), *value);
  }

  /// pt, eta, x[16]
  absl::Status declare_inputs() {
    if (!builder_.formula().terms.empty()) return error(peek(), "inputs are declared before the first expression");
    do {
      const Token& name = take();
      if (name.kind != Token::kName) return error(name, absl::StrCat("expected an input's name, found ", quoted(name)));
      int64_t size = -1;
      if (accept("[")) {
        const Token& count = take();
        if (count.kind != Token::kNumber || count.number < 1 || count.number > kMostInputs ||
            count.number != std::floor(count.number)) {
          return error(count,
                       absl::StrCat("expected a number of inputs from 1 to ", kMostInputs, ", found ", quoted(count)));
        }
        size = static_cast<int64_t>(count.number);
        if (absl::Status s = expect("]"); !s.ok()) return s;
      }
      if (absl::Status s = add_inputs(name, size); !s.ok()) return s;
    } while (accept(","));
    declared_ = true;
    return absl::OkStatus();
  }

  absl::Status add_inputs(const Token& name, int64_t size) {
    std::vector<std::string>& inputs = builder_.formula().inputs;
    const std::string base(name.text);
    if (size >= 0) vectors_[base] = {static_cast<int>(inputs.size()), static_cast<int>(size)};
    for (int64_t i = 0; i < std::max<int64_t>(size, 1); ++i) {
      const std::string full = size < 0 ? base : absl::StrCat(base, i);
      if (!input_index_.try_emplace(full, static_cast<int>(inputs.size())).second)
        return error(name, absl::StrCat("input '", full, "' is declared twice"));
      if (inputs.size() >= kMostInputs) return error(name, absl::StrCat("more than ", kMostInputs, " inputs"));
      inputs.push_back(full);
    }
    return absl::OkStatus();
  }

  absl::Status signed_number(double& value) {
    const bool minus = accept("-");
    const Token& number = take();
    if (number.kind != Token::kNumber) return error(number, absl::StrCat("expected a number, found ", quoted(number)));
    value = minus ? -number.number : number.number;
    return absl::OkStatus();
  }

  absl::Status numbers(std::vector<double>& values) {
    do {
      double value = 0;
      if (absl::Status s = signed_number(value); !s.ok()) return s;
      values.push_back(value);
      if (values.size() > kMostEntries) return error(peek(), absl::StrCat("more than ", kMostEntries, " entries"));
    } while (accept(","));
    return absl::OkStatus();
  }

  /// table gain(0, 16) = 0.5, 0.25, ...
  absl::Status declare_table() {
    const Token& name = take();
    Table table;
    table.name = std::string(name.text);
    if (absl::Status s = expect("("); !s.ok()) return s;
    std::vector<double> limits;
    if (absl::Status s = numbers(limits); !s.ok()) return s;
    if (limits.size() != 2) return error(name, "a table has two limits: table name(low, high) = values");
    if (absl::Status s = expect(")"); !s.ok()) return s;
    if (absl::Status s = expect("="); !s.ok()) return s;
    if (absl::Status s = numbers(table.values); !s.ok()) return s;
    table.low = limits[0];
    table.high = limits[1];
    if (!(table.low < table.high)) return error(name, "a table's lower limit must be below its upper one");
    if (is_taken(table.name)) return error(name, absl::StrCat("'", table.name, "' already means something"));
    named_tables_[table.name] = builder_.add_table(table);
    return absl::OkStatus();
  }

  bool is_taken(const std::string& name) const {
    return named_tables_.contains(name) || bindings_.contains(name) || input_index_.contains(name) ||
           vectors_.contains(name);
  }

  /// name = expression, name : type = expression
  absl::Status binding(bool is_output) {
    const Token& name = take();
    const std::string text(name.text);
    if (is_taken(text)) return error(name, absl::StrCat("'", text, "' already means something"));
    if (!declared_ && default_input(text) >= 0)
      return error(name, absl::StrCat("'", text, "' is an input; declare the inputs to use that name"));
    int type = -1;
    if (accept(":")) {
      auto parsed = type_name("=");
      if (!parsed.ok()) return parsed.status();
      type = *parsed;
    }
    if (absl::Status s = expect("="); !s.ok()) return s;
    auto value = expression();
    if (!value.ok()) return value.status();
    TermId term = *value;
    if (type >= 0) {
      builder_.at(name.line, name.column);
      term = builder_.make(Op::kCast, {term}, type);
    }
    Term& named = builder_.formula().terms[term];
    if (named.name.empty() && named.op != Op::kInput && named.op != Op::kConstant) named.name = text;
    bindings_[text] = term;
    return is_output ? add_output(name, text, term) : absl::OkStatus();
  }

  absl::Status add_output(const Token& at, const std::string& name, TermId term) {
    for (const Output& output : builder_.formula().outputs) {
      if (output.name == name) return error(at, absl::StrCat("output '", name, "' is given twice"));
    }
    builder_.formula().outputs.push_back({name, term});
    return absl::OkStatus();
  }

  absl::StatusOr<Formula> finish() {
    Formula& formula = builder_.formula();
    if (formula.outputs.empty()) {
      return absl::InvalidArgumentError(
          bindings_.empty() ? "no expression found" : "no output: write `output name = ...` or an expression alone");
    }
    if (!declared_) {
      for (int i = 0; i <= largest_default_input_; ++i) formula.inputs.push_back(absl::StrCat("x", i));
    }
    if (formula.inputs.empty()) return absl::InvalidArgumentError("no expression reads an input");
    return std::move(formula);
  }

  // Expressions.

  struct Deeper {
    explicit Deeper(int& depth) : depth_(depth) { ++depth_; }
    ~Deeper() { --depth_; }
    int& depth_;
  };

  Result expression() {
    const Deeper deeper(depth_);
    const Token& start = peek();
    if (depth_ > kDeepest) return error(start, "operators are nested too deeply");
    if (builder_.formula().terms.size() > kMostTerms)
      return error(start, absl::StrCat("more than ", kMostTerms, " operations"));
    auto condition = alternatives();
    if (!condition.ok() || !accept("?")) return condition;
    auto yes = expression();
    if (!yes.ok()) return yes;
    if (absl::Status s = expect(":"); !s.ok()) return s;
    auto no = expression();
    if (!no.ok()) return no;
    return made(start, Op::kSelect, {*condition, *yes, *no});
  }

  Result made(const Token& token, Op op, std::vector<TermId> arguments, int index = 0) {
    builder_.at(token.line, token.column);
    return builder_.make(op, std::move(arguments), index);
  }

  Result alternatives() {
    auto left = conjunction();
    while (left.ok() && (is("|") || is("||") || is_word("or"))) left = infix(Op::kOr, *left, &Parser::conjunction);
    return left;
  }

  Result conjunction() {
    auto left = negation();
    while (left.ok() && (is("&") || is("&&") || is_word("and"))) left = infix(Op::kAnd, *left, &Parser::negation);
    return left;
  }

  /// Takes the operator and what stands to its right.
  Result infix(Op op, TermId left, Result (Parser::*operand)()) {
    const Token& token = take();
    auto right = (this->*operand)();
    if (!right.ok()) return right;
    return made(token, op, {left, *right});
  }

  Result negation() {
    const Deeper deeper(depth_);
    if (depth_ > kDeepest) return error(peek(), "operators are nested too deeply");
    if (!is("!") && !is("~") && !is_word("not")) return comparison();
    const Token& token = take();
    auto operand = negation();
    if (!operand.ok()) return operand;
    return made(token, Op::kNot, {*operand});
  }

  Result comparison() {
    auto left = sum();
    if (!left.ok()) return left;
    const Token token = peek();
    static constexpr std::string_view kComparisons[] = {"<", ">", "<=", ">=", "==", "!="};
    if (token.kind != Token::kSymbol ||
        std::find(std::begin(kComparisons), std::end(kComparisons), token.text) == std::end(kComparisons))
      return left;
    ++at_;
    auto right = sum();
    if (!right.ok()) return right;
    if (token.text == ">") return made(token, Op::kGreater, {*left, *right});
    if (token.text == "<") return made(token, Op::kGreater, {*right, *left});
    if (token.text == ">=") return made(token, Op::kGreaterEqual, {*left, *right});
    if (token.text == "<=") return made(token, Op::kGreaterEqual, {*right, *left});
    auto equal = made(token, Op::kEqual, {*left, *right});
    return token.text == "==" ? equal : made(token, Op::kNot, {*equal});
  }

  Result sum() {
    auto left = product();
    while (left.ok() && (is("+") || is("-"))) {
      left = infix(is("+") ? Op::kAdd : Op::kSubtract, *left, &Parser::product);
    }
    return left;
  }

  Result product() {
    auto left = sign();
    while (left.ok() && (is("*") || is("/"))) {
      left = infix(is("*") ? Op::kMultiply : Op::kDivide, *left, &Parser::sign);
    }
    return left;
  }

  Result sign() {
    const Deeper deeper(depth_);
    if (depth_ > kDeepest) return error(peek(), "operators are nested too deeply");
    if (accept("+")) return sign();
    if (!is("-")) return power();
    const Token& token = take();
    auto operand = sign();
    if (!operand.ok()) return operand;
    builder_.at(token.line, token.column);
    return builder_.negate(*operand);
  }

  Result power() {
    auto base = primary();
    if (!base.ok() || (!is("^") && !is("**"))) return base;
    return infix(Op::kPower, *base, &Parser::sign);
  }

  Result primary() {
    const Token token = take();
    builder_.at(token.line, token.column);
    if (token.kind == Token::kNumber) return builder_.constant(token.number);
    if (token.kind == Token::kName) return is("(") ? function_call(token) : variable(token);
    if (token.kind == Token::kSymbol && token.text == "(") {
      auto inner = expression();
      if (!inner.ok()) return inner;
      if (absl::Status s = expect(")"); !s.ok()) return s;
      return inner;
    }
    return error(token, absl::StrCat("expected a number, a name or '(', found ", quoted(token)));
  }

  /// x0, x1, ... where no inputs are declared; -1 for other names.
  static int default_input(std::string_view name) {
    int index = -1;
    if (name.size() < 2 || name[0] != 'x' || (name[1] == '0' && name.size() > 2) || name[1] == '+' ||
        !absl::SimpleAtoi(absl::string_view(name.data() + 1, name.size() - 1), &index) || index >= kMostInputs)
      return -1;
    return index;
  }

  Result variable(const Token& token) {
    const std::string name(token.text);
    if (auto found = bindings_.find(name); found != bindings_.end()) return found->second;
    if (is("[")) return element(token);
    if (auto found = input_index_.find(name); found != input_index_.end()) return builder_.input(found->second);
    if (const int index = declared_ ? -1 : default_input(name); index >= 0) {
      largest_default_input_ = std::max(largest_default_input_, index);
      return builder_.input(index);
    }
    if (name == "pi" || name == "\xcf\x80") return builder_.constant(std::numbers::pi);
    if (name == "E") return builder_.constant(std::numbers::e);
    if (name == "True" || name == "true") return builder_.constant(1);
    if (name == "False" || name == "false") return builder_.constant(0);
    return error(token, absl::StrCat("'", name, "' is neither an input nor defined above; ", known_inputs()));
  }

  std::string known_inputs() const {
    if (!declared_) return "inputs are x0, x1, ... unless a line such as `input pt, eta, x[16]` declares others";
    std::string list = "inputs: ";
    const std::vector<std::string>& inputs = builder_.formula().inputs;
    for (size_t i = 0; i < std::min<size_t>(inputs.size(), 20); ++i)
      absl::StrAppend(&list, i == 0 ? "" : ", ", inputs[i]);
    return inputs.size() > 20 ? list + ", ..." : list;
  }

  /// x[3]
  Result element(const Token& token) {
    ++at_;
    const Token index = take();
    if (absl::Status s = expect("]"); !s.ok()) return s;
    if (index.kind != Token::kNumber || index.number != std::floor(index.number))
      return error(index, absl::StrCat("expected an element's number, found ", quoted(index)));
    const std::string name(token.text);
    const auto vector = vectors_.find(name);
    if (vector == vectors_.end() && !declared_ && name == "x" && index.number >= 0 && index.number < kMostInputs) {
      largest_default_input_ = std::max(largest_default_input_, static_cast<int>(index.number));
      return builder_.input(static_cast<int>(index.number));
    }
    if (vector == vectors_.end()) return error(token, absl::StrCat("'", name, "' is not a vector of inputs"));
    if (index.number < 0 || index.number >= vector->second.second) {
      return error(index, absl::StrCat("'", name, "' has ", vector->second.second, " elements, counted from 0; found ",
                                       quoted(index)));
    }
    return builder_.input(vector->second.first + static_cast<int>(index.number));
  }

  Result function_call(const Token& name) {
    ++at_;  // the bracket
    const std::string function(name.text);
    if (function == "cast") return cast_call(name);
    if (function == "Piecewise") return piecewise(name);
    std::vector<TermId> arguments;
    if (!is(")")) {
      do {
        auto argument = expression();
        if (!argument.ok()) return argument;
        arguments.push_back(*argument);
      } while (accept(","));
    }
    if (absl::Status s = expect(")"); !s.ok()) return s;
    builder_.at(name.line, name.column);
    if (auto table = named_tables_.find(function); table != named_tables_.end()) {
      if (arguments.size() != 1) return error(name, absl::StrCat("table '", function, "' takes 1 argument"));
      return builder_.make(Op::kTable, {arguments[0]}, table->second);
    }
    if (function == "table") return table_call(name, arguments);
    auto result = call(builder_, function, arguments);
    if (result.ok()) return result;
    if (absl::IsNotFound(result.status())) {
      return error(name, absl::StrCat("no function is called '", function, "'; known: ", function_names()));
    }
    return error(name, std::string(result.status().message()));
  }

  /// table(x, low, high, v0, v1, ...)
  Result table_call(const Token& name, const std::vector<TermId>& arguments) {
    if (arguments.size() < 4) return error(name, "'table' takes x, low, high and one or more values");
    Table table;
    for (size_t i = 1; i < arguments.size(); ++i) {
      const double* number = builder_.number(arguments[i]);
      if (number == nullptr) return error(name, "all arguments of 'table' but the first must be numbers");
      (i == 1 ? table.low : i == 2 ? table.high : table.values.emplace_back()) = *number;
    }
    if (!(table.low < table.high)) return error(name, "a table's lower limit must be below its upper one");
    return builder_.make(Op::kTable, {arguments[0]}, builder_.add_table(std::move(table)));
  }

  /// cast(x, ap_fixed<16,6>)
  Result cast_call(const Token& name) {
    auto value = expression();
    if (!value.ok()) return value;
    if (absl::Status s = expect(","); !s.ok()) return s;
    auto type = type_name(")");
    if (!type.ok()) return type.status();
    if (absl::Status s = expect(")"); !s.ok()) return s;
    return made(name, Op::kCast, {*value}, *type);
  }

  /// A type as the vendor spells it, up to the sign `end`.
  absl::StatusOr<int> type_name(std::string_view end) {
    const Token first = peek();
    while (!is(end) && peek().kind != Token::kNewline && peek().kind != Token::kEnd) ++at_;
    std::string spelling;
    for (const char c : text_.substr(first.offset, peek().offset - first.offset)) {
      if (c != '\'' && c != '"' && c != '\n' && c != '\r') spelling += c;
    }
    const size_t last = spelling.find_last_not_of(" \t");
    auto type = model::FixedType::parse(spelling.substr(0, last == std::string::npos ? 0 : last + 1));
    if (!type.ok()) return error(first, std::string(type.status().message()));
    if (type->width == 0) return error(first, "a type of 0 bits holds nothing");
    return builder_.add_type(*type);
  }

  /// Piecewise((value, condition), ..., (value, True))
  Result piecewise(const Token& name) {
    std::vector<std::pair<TermId, TermId>> pieces;
    do {
      if (absl::Status s = expect("("); !s.ok()) return s;
      auto value = expression();
      if (!value.ok()) return value;
      if (absl::Status s = expect(","); !s.ok()) return s;
      auto condition = expression();
      if (!condition.ok()) return condition;
      if (absl::Status s = expect(")"); !s.ok()) return s;
      pieces.emplace_back(*value, *condition);
    } while (accept(","));
    if (absl::Status s = expect(")"); !s.ok()) return s;
    builder_.at(name.line, name.column);
    const double* last = builder_.number(pieces.back().second);
    if (last == nullptr || *last <= 0) return error(name, "the last piece of 'Piecewise' must hold for True");
    TermId result = pieces.back().first;
    for (size_t i = pieces.size() - 1; i-- > 0;) {
      result = builder_.make(Op::kSelect, {pieces[i].second, pieces[i].first, result});
    }
    return result;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  Builder builder_;
  bool declared_ = false;
  int largest_default_input_ = -1;
  std::map<std::string, int, std::less<>> input_index_, named_tables_;
  std::map<std::string, std::pair<int, int>, std::less<>> vectors_;  ///< first element and number of elements
  std::map<std::string, TermId, std::less<>> bindings_;
};

}  // namespace

absl::StatusOr<Formula> parse(std::string_view text, std::string_view inputs) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte-order mark, as some editors write it
  auto tokens = tokenise(text);
  if (!tokens.ok()) return tokens.status();
  auto formula = Parser(text, *std::move(tokens)).run(inputs);
  if (!formula.ok()) return formula;
  formula->text = std::string(text);
  // Declared from outside: the text says it from now on, after lines that keep their numbers.
  if (!inputs.empty()) formula->text = absl::StrCat("input ", std::string(inputs), "\n", std::string(text));
  return formula;
}

}  // namespace strobe::formula
