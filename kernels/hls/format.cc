#include "kernels/hls/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "absl/strings/str_cat.h"

namespace strobe::hls {
namespace {

/// Bits of the smallest unsigned, or two's complement, number that holds `value`.
int bits_of(model::Wide value, bool is_signed) {
  int bits = is_signed ? 1 : 0;
  for (model::Wide rest = value < 0 ? -(value + 1) : value; rest != 0; rest >>= 1) ++bits;
  return bits;
}

Format make(bool is_signed, int integer, int fraction) {
  return {is_signed, std::max(integer + fraction, 1), integer + std::max(1 - integer - fraction, 0)};
}

}  // namespace

bool is_dead(const model::FixedType& type) {
  return type.width == 0 || (type.is_signed && type.width == 1 && type.overflow == model::Overflow::kSatSym);
}

std::string Format::to_string() const {
  return absl::StrCat(is_signed ? "ap_fixed<" : "ap_ufixed<", width, ",", integer, ">");
}

Format Format::of(const model::FixedType& type) {
  if (is_dead(type)) return {};
  return {type.is_signed, type.width, type.integer};
}

Format Format::covering(const model::TensorType& type) {
  bool first = true;
  Format all;
  for (const model::FixedType& t : type.types) {
    if (is_dead(t)) continue;
    all = first ? of(t) : hls::covering(all, of(t));
    first = false;
  }
  return all;
}

Format Format::covering(const model::Constant& constant) {
  if (constant.type.is_uniform()) return of(constant.type.types[0]);
  bool first = true;
  Format all;
  for (size_t i = 0; i < constant.raw.size(); ++i) {
    int64_t raw = constant.raw[i];
    if (raw == 0) continue;
    int fraction = constant.type.at(static_cast<int64_t>(i)).fraction();
    for (; raw % 2 == 0; raw /= 2) --fraction;
    const Format one = of_range(std::min<int64_t>(raw, 0), std::max<int64_t>(raw, 0), fraction);
    all = first ? one : hls::covering(all, one);
    first = false;
  }
  return all;
}

Format Format::of_range(model::Wide low, model::Wide high, int fraction) {
  const bool is_signed = low < 0;
  const int width = std::max({1, bits_of(low, is_signed), bits_of(high, is_signed)});
  return {is_signed, width, width - fraction};
}

Format covering(const Format& a, const Format& b) {
  const bool is_signed = a.is_signed || b.is_signed;
  const int integer = std::max(a.integer + (is_signed && !a.is_signed), b.integer + (is_signed && !b.is_signed));
  return make(is_signed, integer, std::max(a.fraction(), b.fraction()));
}

Format sum(const Format& a, const Format& b) {
  const Format both = covering(a, b);
  return make(both.is_signed, both.integer + 1, both.fraction());
}

Format difference(const Format& a, const Format& b) {
  const Format both = covering(a, b);
  return make(true, both.integer + 1 + (both.is_signed ? 0 : 1), both.fraction());
}

Format product(const Format& a, const Format& b) {
  return {a.is_signed || b.is_signed, a.width + b.width, a.integer + b.integer};
}

std::string type_name(const model::FixedType& type) {
  std::string text = Format::of(type).to_string();
  const bool saturates = type.overflow != model::Overflow::kWrap;
  if (type.rounding == model::Rounding::kTrn && !saturates) return text;
  text.pop_back();
  absl::StrAppend(&text, ",", std::string(model::to_string(type.rounding)));
  if (saturates) absl::StrAppend(&text, ",", std::string(model::to_string(type.overflow)));
  return text + ">";
}

std::string literal(int64_t raw, int fraction, const std::string& type) {
  if (raw == 0) return "0";
  const bool exact = std::abs(static_cast<double>(raw)) < 9007199254740992.0 && std::abs(fraction) < 900;
  if (!exact) {
    const std::string digits =
        raw == std::numeric_limits<int64_t>::min() ? "(-9223372036854775807LL - 1)" : absl::StrCat(raw, "LL");
    return absl::StrCat("strobe::from_raw<", type, ">(", digits, ")");
  }
  const double value = std::ldexp(static_cast<double>(raw), -fraction);
  if (value == std::floor(value) && std::abs(value) < 1e9) return absl::StrCat(static_cast<int64_t>(value));
  char text[64];
  // The shortest decimal that reads back as the same double.
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    if (std::strtod(text, nullptr) == value) break;
  }
  return text;
}

}  // namespace strobe::hls
