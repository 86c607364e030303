#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kernels/import/json_access.h"

namespace strobe::import {

/// Whether a file begins as a UBJSON object does, not a JSON one.
bool looks_like_ubjson(std::string_view head);

/// Reads a UBJSON document (draft 12, as XGBoost writes it) from a stranger: every length is checked against what is
/// left, nesting is bounded. Errors: InvalidArgument with the byte's position; `name` is used in the message.
absl::StatusOr<Json> parse_ubjson(std::string_view bytes, const std::string& name);

}  // namespace strobe::import
