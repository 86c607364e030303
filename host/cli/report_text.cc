#include "host/cli/report_text.h"

#include <cstdio>

#include "absl/strings/str_format.h"

namespace strobe::cli {

std::string percent(const std::optional<double>& share) {
  return share ? absl::StrFormat("%.2f %%", 100 * *share) : "-";
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(const std::optional<double>& value) { return value ? absl::StrFormat("%.10g", *value) : ""; }

void print_document(const nlohmann::ordered_json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

}  // namespace strobe::cli
