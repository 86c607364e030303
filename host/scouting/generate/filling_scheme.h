#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace strobe::scouting {

/// Which of an orbit's crossings have colliding bunches. Those that strobe ships are the data files in schemes/.
struct FillingScheme {
  std::string name, title, source;
  std::vector<uint16_t> colliding;  ///< crossings, 0 to 3563, ascending
};

/// All that are shipped, by name.
const std::vector<FillingScheme>& filling_schemes();
/// "cms-2024, nominal-2340", for messages and help.
std::string filling_scheme_names();
/// The shipped scheme of that name, else the one in the file of that name.
/// Errors: NotFound with the names there are; InvalidArgument as `parse_filling_scheme`.
absl::StatusOr<FillingScheme> find_filling_scheme(const std::string& name_or_path);
/// A scheme from YAML: `trains`, a list of "first-last" (or lists of them with commas); `name`, `title` and `source`
/// are optional. `file` is used in messages. Errors: InvalidArgument with the place, what was expected and what was
/// found.
absl::StatusOr<FillingScheme> parse_filling_scheme(const std::string& yaml, const std::string& file);

}  // namespace strobe::scouting
