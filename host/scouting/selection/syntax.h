#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

/// The language of selections: what a text says, before anybody knows what its names mean.
///
/// kernels/formula has a parser too, but of another language: it resolves names to elements of one vector while it
/// reads, and has no objects, members, ranges or nested lists of names. Its meaning of truth (above 0) is the same
/// here.
namespace strobe::scouting::selection {

struct Expression {
  enum class Kind : uint8_t {
    kNumber,  ///< `number`
    kName,    ///< `name`
    kMember,  ///< parts[0].name, or parts[0].(names)
    kIndex,   ///< parts[0][low], or with `is_range` parts[0][low:high], high excluded
    kCall,    ///< name(parts)
    kUnary,   ///< name parts[0]: "-", "not"
    kBinary,  ///< parts[0] name parts[1]: "+ - * / ^ < <= > >= == != and or"
    kChoice,  ///< parts[0] ? parts[1] : parts[2]
  };
  Kind kind = Kind::kNumber;
  double number = 0;
  std::string name;
  std::vector<std::string> names;  ///< kMember with several
  int64_t low = 0, high = 0;
  bool is_range = false;
  std::vector<Expression> parts;
  size_t at = 0;  ///< of its first character in the text, from 0
};

/// "at character 5: flaw".
absl::Status flaw_at(size_t at, const std::string& flaw);

/// Reads one expression. From loose to tight: ?:, or, and, not, one comparison, + -, * /, sign, ^ (to the right).
/// Errors: InvalidArgument that says at which character what was expected and found.
absl::StatusOr<Expression> parse(std::string_view text);

}  // namespace strobe::scouting::selection
