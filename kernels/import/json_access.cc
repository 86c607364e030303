#include "kernels/import/json_access.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace strobe::import {
namespace {

constexpr size_t kMaxDepth = 200;

bool starts_with(std::string_view text, size_t at, std::string_view word) {
  return text.substr(at, word.size()) == word;
}

/// Replaces Python's bare non-finite numbers by null and refuses absurd nesting. Text inside quotes is left alone.
absl::StatusOr<std::string> clean(std::string_view text, const std::string& name) {
  std::string cleaned;
  cleaned.reserve(text.size());
  bool quoted = false;
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      cleaned += c;
      if (c == '\\' && i + 1 < text.size()) cleaned += text[++i];
      quoted = c != '"';
      continue;
    }
    const size_t sign = c == '-' ? 1 : 0;
    if (starts_with(text, i + sign, "Infinity")) {
      cleaned += "null";
      i += sign + 7;
    } else if (starts_with(text, i, "NaN")) {
      cleaned += "null";
      i += 2;
    } else {
      quoted = c == '"';
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && depth > 0) --depth;
      if (depth > kMaxDepth) {
        return absl::InvalidArgumentError(absl::StrCat("'", name, "': JSON nested deeper than ", kMaxDepth, " levels"));
      }
      cleaned += c;
    }
  }
  return cleaned;
}

}  // namespace

absl::StatusOr<Json> parse_python_json(std::string_view text, const std::string& name) {
  absl::StatusOr<std::string> cleaned = clean(text, name);
  if (!cleaned.ok()) return cleaned.status();
  try {
    return Json::parse(*cleaned);
  } catch (const Json::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name, "': expected JSON, found a flaw near byte ", error.byte, " of ", cleaned->size()));
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("'", name, "': JSON cannot be read: ", error.what()));
  }
}

const Json& member(const Json& object, std::string_view key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto it = object.find(std::string(key));
  return it == object.end() ? kNull : *it;
}

std::optional<std::string> as_text(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

std::optional<double> as_number(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::optional<int64_t> as_integer(const Json& value) {
  const std::optional<double> number = as_number(value);
  constexpr double kLimit = 9007199254740992.0;
  if (!number || !(std::fabs(*number) <= kLimit) || *number != std::floor(*number)) return std::nullopt;
  return static_cast<int64_t>(*number);
}

std::optional<bool> as_bool(const Json& value) {
  const std::optional<double> number = as_number(value);
  if (!number) return std::nullopt;
  return *number != 0;
}

std::optional<std::vector<int64_t>> as_integers(const Json& value) {
  if (const std::optional<int64_t> one = as_integer(value)) return std::vector<int64_t>{*one};
  if (!value.is_array()) return std::nullopt;
  std::vector<int64_t> list;
  for (const Json& item : value) {
    const std::optional<int64_t> number = as_integer(item);
    if (!number) return std::nullopt;
    list.push_back(*number);
  }
  return list;
}

}  // namespace strobe::import
