#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "host/io/files.h"
#include "platform/files/file.h"

namespace strobe::io {
namespace {

/// How other programs write a value that is missing.
constexpr const char* kAbsent[] = {"na", "n/a", "#n/a", "<na>", "null", "none", "nil", "missing", "?"};

/// A field without blanks around it and without quotes.
absl::string_view trimmed(absl::string_view field) {
  field = absl::StripAsciiWhitespace(field);
  if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
  return field;
}

std::optional<double> parse_number(absl::string_view field) {
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (end != field.data() + field.size() || field.empty()) return std::nullopt;
  // Beyond the range of a double: from_chars leaves the value alone, so say which side it fell off.
  if (error == std::errc::result_out_of_range) {
    const size_t exponent = field.find_first_of("eE");
    const bool tiny = exponent != absl::string_view::npos && exponent + 1 < field.size() && field[exponent + 1] == '-';
    return (field.front() == '-' ? -1 : 1) * (tiny ? 0.0 : INFINITY);
  }
  return error == std::errc() ? std::optional<double>(value) : std::nullopt;
}

std::optional<int64_t> parse_integer(absl::string_view field) {
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

/// Whether a field may name a column: not an absent value, nor a number gone wrong.
bool is_name(absl::string_view field) {
  if (field.empty() || absl::ascii_isdigit(static_cast<unsigned char>(field[0]))) return false;
  if (field[0] == '-' || field[0] == '+' || field[0] == '.') return false;
  return std::none_of(std::begin(kAbsent), std::end(kAbsent),
                      [&](const char* word) { return absl::EqualsIgnoreCase(field, word); });
}

/// Collects rows, integers as long as every field is one.
class Table {
 public:
  explicit Table(const std::string& name) : name_(name) {}

  absl::Status add_line(absl::string_view line, int64_t number) {
    if (separator_ == 0) {
      separator_ = ',';
      for (const char candidate : {'\t', ';', ','}) {
        if (line.find(candidate) != absl::string_view::npos) separator_ = candidate;
      }
    }
    std::vector<absl::string_view> fields = absl::StrSplit(line, separator_);
    if (columns_ == 0) {
      columns_ = fields.size();
      if (!has_number(fields)) return take_header(fields, number);
    }
    if (fields.size() != columns_) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", name_, "', line ", number, ": expected ", columns_, " columns, found ", fields.size()));
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      const absl::string_view field = trimmed(fields[i]);
      const std::optional<double> value = parse_number(field);
      if (!value) return unexpected(number, i, "a number", field);
      doubles_.push_back(*value);
      if (!all_integers_) continue;
      const std::optional<int64_t> integer = parse_integer(field);
      all_integers_ = integer.has_value();
      if (integer) integers_.push_back(*integer);
    }
    ++rows_;
    return absl::OkStatus();
  }

  absl::StatusOr<Csv> finish() && {
    if (columns_ == 0)
      return absl::InvalidArgumentError(absl::StrCat("'", name_, "': expected rows of numbers, found none"));
    const std::vector<int64_t> shape = {rows_, static_cast<int64_t>(columns_)};
    Csv csv;
    csv.header = std::move(header_);
    const bool integers = all_integers_ && rows_ > 0;
    csv.array =
        integers ? Array::of<int64_t>(shape, std::move(integers_)) : Array::of<double>(shape, std::move(doubles_));
    return csv;
  }

 private:
  static bool has_number(const std::vector<absl::string_view>& fields) {
    return std::any_of(fields.begin(), fields.end(), [](absl::string_view f) { return parse_number(trimmed(f)); });
  }

  /// The first line, where no field is a number: names, or an event that is flawed in every field, which must not be
  /// passed over.
  absl::Status take_header(const std::vector<absl::string_view>& fields, int64_t line) {
    for (size_t i = 0; i < fields.size(); ++i) {
      const absl::string_view field = trimmed(fields[i]);
      if (!is_name(field))
        return unexpected(line, i, "a number, or a header's name that does not begin as a number does", field);
      header_.emplace_back(field);
    }
    return absl::OkStatus();
  }

  absl::Status unexpected(int64_t line, size_t column, const char* expected, absl::string_view found) const {
    return absl::InvalidArgumentError(absl::StrCat("'", name_, "', line ", line, ", column ", column + 1, ": expected ",
                                                   expected, ", found '", found.substr(0, 40), "'"));
  }

  const std::string& name_;
  char separator_ = 0;
  size_t columns_ = 0;
  int64_t rows_ = 0;
  bool all_integers_ = true;
  std::vector<std::string> header_;
  std::vector<double> doubles_;
  std::vector<int64_t> integers_;
};

}  // namespace

absl::StatusOr<Csv> parse_csv(std::string_view text, const std::string& name) {
  Table table(name);
  absl::string_view rest(text.data(), text.size());
  if (rest.substr(0, 3) == "\xef\xbb\xbf") rest.remove_prefix(3);
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    const absl::string_view line = absl::StripSuffix(rest.substr(0, end), "\r");
    rest = end == absl::string_view::npos ? absl::string_view() : rest.substr(end + 1);
    const absl::string_view begin = absl::StripLeadingAsciiWhitespace(line);
    if (begin.empty() || (begin[0] == '#' && !absl::StartsWithIgnoreCase(begin, "#n/a"))) continue;
    if (line.find('\0') != absl::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "', line ", number, ": expected text, found binary data"));
    }
    if (absl::Status s = table.add_line(line, number); !s.ok()) return s;
  }
  return std::move(table).finish();
}

absl::StatusOr<Csv> read_csv(const std::string& path) {
  absl::StatusOr<std::shared_ptr<const files::MappedFile>> file = files::MappedFile::open(path);
  if (!file.ok()) return file.status();
  const auto bytes = (*file)->bytes();
  return parse_csv(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), path);
}

}  // namespace strobe::io
