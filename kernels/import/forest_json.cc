#include "kernels/import/forest_json.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace strobe::import {

bool is_xgboost(const Json& document) { return member(document, "learner").is_object(); }

bool is_conifer(const Json& document) {
  return member(document, "trees").is_array() && !member(document, "n_classes").is_null();
}

absl::StatusOr<std::vector<double>> number_list(const Json& list, size_t count, const std::string& what) {
  if (!list.is_array()) return absl::InvalidArgumentError(absl::StrCat(what, ": expected ", count, " numbers"));
  if (list.size() != count)
    return absl::InvalidArgumentError(absl::StrCat(what, ": expected ", count, " numbers, found ", list.size()));
  std::vector<double> numbers;
  numbers.reserve(count);
  for (const Json& entry : list) {
    const std::optional<double> number = as_number(entry);
    if (!number) return absl::InvalidArgumentError(absl::StrCat(what, ": entry ", numbers.size(), " is not a number"));
    numbers.push_back(*number);
  }
  return numbers;
}

absl::StatusOr<int64_t> count_of(const Json& value, int64_t limit, const std::string& what) {
  int64_t count = -1;
  if (const std::optional<std::string> text = as_text(value)) {
    if (!absl::SimpleAtoi(*text, &count)) count = -1;
  } else {
    count = as_integer(value).value_or(-1);
  }
  if (count < 0 || count > limit)
    return absl::InvalidArgumentError(absl::StrCat(what, ": expected a whole number from 0 to ", limit));
  return count;
}

}  // namespace strobe::import
