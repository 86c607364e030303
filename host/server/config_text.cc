#include "host/server/config_text.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace strobe::server {
namespace {

/// Keeps the first error: later ones are usually its consequences.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (text.empty()) text = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  std::string text;
};

}  // namespace

absl::StatusOr<inference::ModelConfig> parse_config(const std::string& path, const std::string& text) {
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.SetRecursionLimit(32);
  inference::ModelConfig config;
  if (parser.ParseFromString(text, &config)) return config;
  return absl::InvalidArgumentError(absl::StrCat(path, ":", error.text.empty() ? "cannot be parsed" : error.text));
}

}  // namespace strobe::server
