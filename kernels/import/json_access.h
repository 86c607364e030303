#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

/// Reading of JSON that a stranger wrote: no access throws, a missing or mistyped entry is just absent.
namespace strobe::import {

using Json = nlohmann::json;

/// Parses JSON as Python writes it: the bare words NaN, Infinity and -Infinity count as null.
/// Errors: InvalidArgument with the position of the flaw; `name` is used in the message.
absl::StatusOr<Json> parse_python_json(std::string_view text, const std::string& name);

/// The member, or null where `object` is no object or has none.
const Json& member(const Json& object, std::string_view key);

std::optional<std::string> as_text(const Json& value);
/// Numbers and booleans.
std::optional<double> as_number(const Json& value);
/// Numbers without a fraction, within +-2^53, and booleans.
std::optional<int64_t> as_integer(const Json& value);
/// Booleans, and numbers as zero or not.
std::optional<bool> as_bool(const Json& value);
/// A list of integers (a lone integer is a list of one).
std::optional<std::vector<int64_t>> as_integers(const Json& value);

}  // namespace strobe::import
