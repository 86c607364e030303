#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

/// How the reports of commands write single figures.
namespace strobe::cli {

/// "65.10 %"; "-" where there is none.
std::string percent(const std::optional<double>& share);

/// A field of a CSV file, in quotation marks where it needs them.
std::string csv_field(const std::string& text);
/// Ten digits; empty where there is none.
std::string csv_number(const std::optional<double>& value);

/// On standard output. File names may hold bytes that are no UTF-8, which JSON cannot: U+FFFD stands for them.
void print_document(const nlohmann::ordered_json& json);

/// Null where there is none.
nlohmann::ordered_json optional_json(const auto& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace strobe::cli
