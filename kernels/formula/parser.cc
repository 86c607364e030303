#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernels/formula/expression_parser.h"

namespace strobe::formula {
namespace {

constexpr size_t kMostEntries = 1 << 20;

/// The statements of a text; what stands in them is read by an ExpressionParser.
class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens)
      : text_(text), tokens_(std::move(tokens)), scope_(builder_), expressions_(text, tokens_, scope_, builder_) {}

  /// pt, eta, x[16]
  absl::Status declare_inputs(TokenReader& tokens) {
    if (!builder_.formula().terms.empty())
      return error_at(tokens.peek(), "inputs are declared before the first expression");
    do {
      const Token& name = tokens.take();
      if (name.kind != Token::kName)
        return error_at(name, absl::StrCat("expected an input's name, found ", quoted(name)));
      int64_t size = -1;
      if (tokens.accept("[")) {
        const Token& count = tokens.take();
        if (count.kind != Token::kNumber || count.number < 1 || count.number > kMostInputs ||
            count.number != std::floor(count.number)) {
          return error_at(
              count, absl::StrCat("expected a number of inputs from 1 to ", kMostInputs, ", found ", quoted(count)));
        }
        size = static_cast<int64_t>(count.number);
        if (absl::Status s = tokens.expect("]"); !s.ok()) return s;
      }
      if (absl::Status s = placed(name, scope_.declare_input(std::string(name.text), size)); !s.ok()) return s;
    } while (tokens.accept(","));
    return absl::OkStatus();
  }

  absl::StatusOr<Formula> run() {
    while (tokens_.peek().kind != Token::kEnd) {
      if (tokens_.peek().kind == Token::kNewline) {
        tokens_.take();
        continue;
      }
      if (absl::Status s = statement(); !s.ok()) return s;
      if (const Token& next = tokens_.peek(); next.kind != Token::kNewline)
        return error_at(next, absl::StrCat("expected an operator or the end of the line, found ", quoted(next)));
    }
    return finish();
  }

 private:
  static absl::Status placed(const Token& token, const absl::Status& status) {
    return status.ok() ? status : error_at(token, std::string(status.message()));
  }

  absl::Status statement() {
    const bool has_name = tokens_.peek(1).kind == Token::kName;
    if (has_name && tokens_.accept_word("input")) return declare_inputs(tokens_);
    if (has_name && tokens_.accept_word("table")) return declare_table();
    if (has_name && tokens_.accept_word("output")) return binding(true);
    if (tokens_.peek().kind == Token::kName && (tokens_.is("=", 1) || tokens_.is(":", 1))) return binding(false);
    const Token& start = tokens_.peek();
    auto value = expressions_.expression();
    if (!value.ok()) return value.status();
    return add_output(start, absl::StrCat("y", builder_.formula().outputs.size()), *value, start);
  }

  absl::Status signed_number(double& value) {
    const bool minus = tokens_.accept("-");
    const Token& number = tokens_.take();
    if (number.kind != Token::kNumber)
      return error_at(number, absl::StrCat("expected a number, found ", quoted(number)));
    value = minus ? -number.number : number.number;
    return absl::OkStatus();
  }

  absl::Status numbers(std::vector<double>& values) {
    do {
      double value = 0;
      if (absl::Status s = signed_number(value); !s.ok()) return s;
      values.push_back(value);
      if (values.size() > kMostEntries)
        return error_at(tokens_.peek(), absl::StrCat("more than ", kMostEntries, " entries"));
    } while (tokens_.accept(","));
    return absl::OkStatus();
  }

  /// table gain(0, 16) = 0.5, 0.25, ...
  absl::Status declare_table() {
    const Token& name = tokens_.take();
    Table table;
    table.name = std::string(name.text);
    if (absl::Status s = tokens_.expect("("); !s.ok()) return s;
    std::vector<double> limits;
    if (absl::Status s = numbers(limits); !s.ok()) return s;
    if (limits.size() != 2) return error_at(name, "a table has two limits: table name(low, high) = values");
    if (absl::Status s = tokens_.expect(")"); !s.ok()) return s;
    if (absl::Status s = tokens_.expect("="); !s.ok()) return s;
    if (absl::Status s = numbers(table.values); !s.ok()) return s;
    table.low = limits[0];
    table.high = limits[1];
    if (!(table.low < table.high)) return error_at(name, "a table's lower limit must be below its upper one");
    return placed(name, scope_.declare_table(std::move(table)));
  }

  /// name = expression, name : type = expression
  absl::Status binding(bool is_output) {
    const Token& name = tokens_.take();
    const std::string text(name.text);
    if (absl::Status s = placed(name, scope_.check_free(text)); !s.ok()) return s;
    int type = -1;
    if (tokens_.accept(":")) {
      auto parsed = expressions_.type_name("=");
      if (!parsed.ok()) return parsed.status();
      type = *parsed;
    }
    if (absl::Status s = tokens_.expect("="); !s.ok()) return s;
    const Token& start = tokens_.peek();
    auto value = expressions_.expression();
    if (!value.ok()) return value.status();
    TermId term = *value;
    if (type >= 0) {
      builder_.at(name.line, name.column);
      term = builder_.make(Op::kCast, {term}, type);
    }
    Term& named = builder_.formula().terms[term];
    if (named.name.empty() && named.op != Op::kInput && named.op != Op::kConstant) named.name = text;
    scope_.bind(text, term);
    return is_output ? add_output(name, text, term, start) : absl::OkStatus();
  }

  /// From a token up to where reading has come, in one line and without comments.
  std::string written_since(const Token& start) {
    const size_t end = std::max(tokens_.peek().offset, start.offset);
    std::string line;
    bool comment = false;
    for (const char c : text_.substr(start.offset, end - start.offset)) {
      comment = c == '#' || (comment && c != '\n');
      const bool space = comment || c == ' ' || c == '\t' || c == '\r' || c == '\n';
      if (!space) {
        line += c;
      } else if (!line.empty() && line.back() != ' ') {
        line += ' ';
      }
    }
    if (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
  }

  absl::Status add_output(const Token& at, const std::string& name, TermId term, const Token& start) {
    for (const Output& output : builder_.formula().outputs) {
      if (output.name == name) return error_at(at, absl::StrCat("output '", name, "' is given twice"));
    }
    builder_.formula().outputs.push_back({name, term, written_since(start)});
    return absl::OkStatus();
  }

  absl::StatusOr<Formula> finish() {
    Formula& formula = builder_.formula();
    if (formula.outputs.empty()) {
      return absl::InvalidArgumentError(scope_.has_bindings()
                                            ? "no output: write `output name = ...` or an expression alone"
                                            : "no expression found");
    }
    scope_.finish_inputs();
    if (formula.inputs.empty()) return absl::InvalidArgumentError("no expression reads an input");
    return std::move(formula);
  }

  std::string_view text_;
  TokenReader tokens_;
  Builder builder_;
  Scope scope_;
  ExpressionParser expressions_;
};

/// Of a list of inputs that does not stand in the text.
absl::Status declare_from_outside(std::string_view inputs, Parser& parser) {
  auto tokens = tokenise(inputs);
  if (!tokens.ok()) return tokens.status();
  TokenReader reader(*std::move(tokens));
  if (absl::Status s = parser.declare_inputs(reader); !s.ok()) return s;
  while (reader.peek().kind == Token::kNewline) reader.take();
  if (reader.peek().kind == Token::kEnd) return absl::OkStatus();
  return error_at(reader.peek(), absl::StrCat("expected ',' or the end, found ", quoted(reader.peek())));
}

}  // namespace

absl::StatusOr<Formula> parse(std::string_view text, std::string_view inputs) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte-order mark, as some editors write it
  auto tokens = tokenise(text);
  if (!tokens.ok()) return tokens.status();
  Parser parser(text, *std::move(tokens));
  if (!inputs.empty()) {
    if (absl::Status s = declare_from_outside(inputs, parser); !s.ok())
      return absl::Status(s.code(), absl::StrCat("inputs: ", s.message()));
  }
  auto formula = parser.run();
  if (!formula.ok()) return formula;
  formula->text = std::string(text);
  // Declared from outside: the text says it from now on, after lines that keep their numbers.
  if (!inputs.empty()) formula->text = absl::StrCat("input ", std::string(inputs), "\n", std::string(text));
  return formula;
}

}  // namespace strobe::formula
