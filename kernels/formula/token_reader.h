#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernels/formula/lexer.h"

namespace strobe::formula {

/// A token as messages quote it.
inline std::string quoted(const Token& token) {
  if (token.kind == Token::kNewline || token.kind == Token::kEnd) return "the end of the line";
  return absl::StrCat("'", std::string(token.text.substr(0, 40)), "'");
}

inline absl::Status error_at(const Token& token, const std::string& flaw) {
  return text_error(token.line, token.column, flaw);
}

/// Reads tokens one after the other; the last one is read again and again.
class TokenReader {
 public:
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is(std::string_view symbol, size_t ahead = 0) const {
    return peek(ahead).kind == Token::kSymbol && peek(ahead).text == symbol;
  }
  bool is_word(std::string_view word) const { return peek().kind == Token::kName && peek().text == word; }
  bool accept(std::string_view symbol) {
    if (!is(symbol)) return false;
    take();
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!is_word(word)) return false;
    take();
    return true;
  }
  absl::Status expect(std::string_view symbol) {
    if (accept(symbol)) return absl::OkStatus();
    return error_at(peek(), absl::StrCat("expected '", std::string(symbol), "', found ", quoted(peek())));
  }

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace strobe::formula
