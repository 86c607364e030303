#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace strobe::formula {

struct Token {
  enum Kind : uint8_t { kNumber, kName, kSymbol, kNewline, kEnd };
  Kind kind = kEnd;
  std::string_view text;  ///< of the source
  double number = 0;
  int line = 1, column = 1;
  size_t offset = 0;  ///< of its first byte
};

/// "line 3, column 14: flaw", as every error about a formula's text reads.
absl::Status text_error(int line, int column, const std::string& flaw);

/// Splits a text into tokens, `#` comments left out. Line ends inside brackets do not count. The last token is kEnd.
/// Errors: InvalidArgument for a character that means nothing, a malformed number, or brackets that do not match.
absl::StatusOr<std::vector<Token>> tokenise(std::string_view text);

}  // namespace strobe::formula
