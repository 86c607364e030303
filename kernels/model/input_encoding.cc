#include "kernels/model/input_encoding.h"

#include "absl/strings/str_cat.h"

namespace strobe::model {

int64_t missing_code(const FixedType& type) {
  const auto largest = static_cast<int64_t>(type.max_raw());
  return type.is_signed && type.width > 0 ? -largest - 1 : largest;
}

std::string InputEncoding::to_string() const {
  std::string text = kind == Kind::kOrderedFloat ? "float32 keys" : "";
  if (missing) absl::StrAppend(&text, text.empty() ? "" : ", ", "missing = ", *missing);
  return text;
}

}  // namespace strobe::model
