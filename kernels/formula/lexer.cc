#include "kernels/formula/lexer.h"

#include <cmath>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace strobe::formula {
namespace {

/// More brackets inside one another than any formula has; what reads them may call itself that often.
constexpr size_t kDeepest = 200;
constexpr size_t kMostTokens = 4'000'000;

constexpr std::string_view kSymbols[] = {"**", "<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/", "^", "(", ")",
                                         "[",  "]",  ",",  "=",  "<",  ">",  "&",  "|", "!", "~", "?", ":", "'", "\""};

bool starts_name(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_digit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool continues_name(char c) { return starts_name(c) || is_digit(c); }

/// The first letter or sign of a UTF-8 text as a message shows it: "'\xc3\x97' (U+00D7)", or the byte where it begins
/// none.
std::string first_sign(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(0);
  if (first >= 0x20 && first < 0x7f) return absl::StrCat("'", std::string(1, text[0]), "'");
  const size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : 2;
  uint32_t code = first & (0xffU >> (length + 1));
  bool whole = first >= 0xc2 && first < 0xf5;
  for (size_t i = 1; i < length; ++i) {
    whole &= (byte(i) & 0xc0U) == 0x80;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  if (!whole) return absl::StrFormat("byte 0x%02x", first);
  return absl::StrFormat("'%s' (U+%04X)", std::string(text.substr(0, length)), code);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Token>> run() {
    while (skip_blanks(), at_ < text_.size()) {
      if (tokens_.size() >= kMostTokens)
        return text_error(line_, column(), absl::StrCat("more than ", kMostTokens, " words and signs"));
      if (absl::Status s = next(); !s.ok()) return s;
    }
    if (!open_.empty()) {
      const Token& bracket = tokens_[open_.back()];
      return text_error(bracket.line, bracket.column,
                        absl::StrCat("bracket '", std::string(bracket.text), "' is never closed"));
    }
    push(Token::kNewline, 0);
    push(Token::kEnd, 0);
    return std::move(tokens_);
  }

 private:
  int column() const { return static_cast<int>(at_ - line_start_) + 1; }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '\n' && (!open_.empty() || (!tokens_.empty() && tokens_.back().text == ","))) {
        new_line();
      } else {
        return;
      }
    }
  }

  void new_line() {
    ++at_;
    ++line_;
    line_start_ = at_;
  }

  void push(Token::Kind kind, size_t length, double number = 0) {
    tokens_.push_back({kind, text_.substr(at_, length), number, line_, column(), at_});
    at_ += length;
  }

  absl::Status next() {
    const char c = text_[at_];
    if (c == '\n') {
      tokens_.push_back({Token::kNewline, text_.substr(at_, 1), 0, line_, column(), at_});
      new_line();
      return absl::OkStatus();
    }
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    if (text_.substr(at_).starts_with("\xcf\x80")) {  // the Greek letter
      push(Token::kName, 2);
      ++line_start_;  // its two bytes are one column
      return absl::OkStatus();
    }
    if (starts_name(c)) {
      size_t length = 1;
      while (at_ + length < text_.size() && continues_name(text_[at_ + length])) ++length;
      push(Token::kName, length);
      return absl::OkStatus();
    }
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(at_).starts_with(symbol)) return this->symbol(symbol);
    }
    return text_error(line_, column(), absl::StrCat("a formula has no sign ", first_sign(text_.substr(at_))));
  }

  absl::Status symbol(std::string_view symbol) {
    const char c = symbol[0];
    if (c == '(' || c == '[') {
      if (open_.size() >= kDeepest)
        return text_error(line_, column(), absl::StrCat("more than ", kDeepest, " brackets inside one another"));
      open_.push_back(tokens_.size());
    } else if (c == ')' || c == ']') {
      if (open_.empty()) return text_error(line_, column(), absl::StrCat("'", std::string(1, c), "' closes nothing"));
      const Token& opener = tokens_[open_.back()];
      if ((opener.text == "(") != (c == ')')) {
        return text_error(line_, column(),
                          absl::StrCat("'", std::string(1, c), "' cannot close '", std::string(opener.text),
                                       "' of line ", opener.line, ", column ", opener.column));
      }
      open_.pop_back();
    }
    push(Token::kSymbol, symbol.size());
    return absl::OkStatus();
  }

  /// Digits, point, exponent; Julia's single-precision exponent is an `f`.
  absl::Status number() {
    size_t end = at_;
    const auto digits = [&] {
      while (end < text_.size() && is_digit(text_[end])) ++end;
    };
    digits();
    if (end < text_.size() && text_[end] == '.') {
      ++end;
      digits();
    }
    std::string spelling(text_.substr(at_, end - at_));
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E' || text_[end] == 'f')) {
      const size_t exponent = ++end;
      if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
      const size_t first = end;
      digits();
      if (end == first) return text_error(line_, column(), "a number's exponent has no digits");
      absl::StrAppend(&spelling, "e", std::string(text_.substr(exponent, end - exponent)));
    }
    if (end < text_.size() && (continues_name(text_[end]) || text_[end] == '.')) {
      return text_error(
          line_, column(),
          absl::StrCat("'", std::string(text_.substr(at_, end - at_ + 1)), "' is neither a number nor a name"));
    }
    const double value = std::strtod(spelling.c_str(), nullptr);
    if (!std::isfinite(value)) return text_error(line_, column(), absl::StrCat("'", spelling, "' is too large"));
    push(Token::kNumber, end - at_, value);
    return absl::OkStatus();
  }

  std::string_view text_;
  size_t at_ = 0, line_start_ = 0;
  int line_ = 1;
  std::vector<Token> tokens_;
  std::vector<size_t> open_;
};

}  // namespace

absl::Status text_error(int line, int column, const std::string& flaw) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ", column ", column, ": ", flaw));
}

absl::StatusOr<std::vector<Token>> tokenise(std::string_view text) { return Lexer(text).run(); }

}  // namespace strobe::formula
