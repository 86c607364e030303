#include "kernels/model/fixed_type.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace strobe::model {
namespace {

constexpr std::array<std::string_view, 7> kRoundingNames = {
    "AP_TRN", "AP_TRN_ZERO", "AP_RND", "AP_RND_ZERO", "AP_RND_MIN_INF", "AP_RND_INF", "AP_RND_CONV"};
constexpr std::array<std::string_view, 4> kOverflowNames = {"AP_WRAP", "AP_SAT", "AP_SAT_ZERO", "AP_SAT_SYM"};

template <size_t N>
int find_mode(const std::array<std::string_view, N>& names, std::string_view text) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == text || names[i].substr(3) == text) return static_cast<int>(i);
  }
  return -1;
}

absl::Status bad_type(std::string_view text, const std::string& flaw) {
  return absl::InvalidArgumentError(absl::StrCat("type '", std::string(text), "': ", flaw));
}

struct Keyword {
  std::string_view name;
  bool is_signed;
  bool is_integer;
};
constexpr Keyword kKeywords[] = {{"ap_fixed", true, false}, {"ap_ufixed", false, false}, {"fixed", true, false},
                                 {"ufixed", false, false},  {"ap_int", true, true},      {"ap_uint", false, true},
                                 {"int", true, true},       {"uint", false, true}};

}  // namespace

std::string_view to_string(Rounding r) { return kRoundingNames[static_cast<size_t>(r)]; }
std::string_view to_string(Overflow o) { return kOverflowNames[static_cast<size_t>(o)]; }

Wide FixedType::max_raw() const {
  if (width == 0) return 0;
  return (Wide{1} << (is_signed ? width - 1 : width)) - 1;
}

Wide FixedType::min_raw() const {
  if (width == 0 || !is_signed) return 0;
  return overflow == Overflow::kSatSym ? -max_raw() : -(Wide{1} << (width - 1));
}

double FixedType::step() const { return std::ldexp(1.0, -fraction()); }

std::string FixedType::to_string() const {
  std::string text = integer == width && rounding == Rounding::kTrn && overflow == Overflow::kWrap
                         ? absl::StrCat(is_signed ? "ap_int<" : "ap_uint<", width)
                         : absl::StrCat(is_signed ? "ap_fixed<" : "ap_ufixed<", width, ",", integer);
  if (rounding != Rounding::kTrn || overflow != Overflow::kWrap) {
    absl::StrAppend(&text, ",", std::string(model::to_string(rounding)));
  }
  if (overflow != Overflow::kWrap) absl::StrAppend(&text, ",", std::string(model::to_string(overflow)));
  return text + ">";
}

absl::StatusOr<FixedType> FixedType::parse(std::string_view text) {
  const absl::string_view view = absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  const size_t open = view.find('<');
  if (open == absl::string_view::npos || view.empty() || view.back() != '>') {
    return bad_type(text, "expected a type such as ap_fixed<16,6,AP_RND,AP_SAT>");
  }
  const std::string word(absl::StripAsciiWhitespace(view.substr(0, open)));
  const Keyword* keyword =
      std::find_if(std::begin(kKeywords), std::end(kKeywords), [&](auto& k) { return k.name == word; });
  if (keyword == std::end(kKeywords))
    return bad_type(text, absl::StrCat("'", word, "' is not ap_[u]fixed or ap_[u]int"));

  std::vector<std::string> fields = absl::StrSplit(view.substr(open + 1, view.size() - open - 2), ',');
  for (std::string& field : fields) absl::StripAsciiWhitespace(&field);
  const size_t most = keyword->is_integer ? 1 : 5;
  const size_t least = keyword->is_integer ? 1 : 2;
  if (fields.size() < least || fields.size() > most) {
    return bad_type(text, absl::StrCat("expected ", least, " to ", most, " parameters, found ", fields.size()));
  }
  FixedType type{keyword->is_signed, 0, 0};
  const int widest = type.is_signed ? kMaxWidth : kMaxWidth - 1;
  if (!absl::SimpleAtoi(fields[0], &type.width) || type.width < 1 || type.width > widest) {
    return bad_type(text, absl::StrCat("width must be 1 to ", widest, ", found '", fields[0], "'"));
  }
  type.integer = type.width;
  if (keyword->is_integer) return type;
  if (!absl::SimpleAtoi(fields[1], &type.integer) || std::abs(type.integer) > 512) {
    return bad_type(text, absl::StrCat("integer bits must be -512 to 512, found '", fields[1], "'"));
  }
  if (fields.size() > 2) {
    const int mode = find_mode(kRoundingNames, fields[2]);
    if (mode < 0) return bad_type(text, absl::StrCat("unknown rounding mode '", fields[2], "'"));
    type.rounding = static_cast<Rounding>(mode);
  }
  if (fields.size() > 3) {
    const int mode = find_mode(kOverflowNames, fields[3]);
    if (mode < 0) return bad_type(text, absl::StrCat("unknown overflow mode '", fields[3], "'"));
    type.overflow = static_cast<Overflow>(mode);
  }
  if (fields.size() > 4 && fields[4] != "0") {
    return bad_type(text, absl::StrCat("saturated bits must be 0 here, found '", fields[4], "'"));
  }
  return type;
}

Wide shift_right_rounded(Wide value, int shift, Rounding rounding) {
  if (shift <= 0) return shift <= -127 ? 0 : static_cast<Wide>(static_cast<unsigned __int128>(value) << -shift);
  if (shift > 126) {  // all bits drop out: only the sign matters, and |value| is far below half a step
    const bool down = rounding == Rounding::kTrn;
    return value < 0 && down ? -1 : 0;
  }
  const Wide floor = value >> shift;
  const Wide rest = value - (floor << shift);
  const Wide half = Wide{1} << (shift - 1);
  switch (rounding) {
    case Rounding::kTrn:
      return floor;
    case Rounding::kTrnZero:
      return floor + (value < 0 && rest != 0);
    case Rounding::kRnd:
      return floor + (rest >= half);
    case Rounding::kRndZero:
      return floor + (rest > half || (rest == half && value < 0));
    case Rounding::kRndMinInf:
      return floor + (rest > half);
    case Rounding::kRndInf:
      return floor + (rest > half || (rest == half && value >= 0));
    case Rounding::kRndConv:
      return floor + (rest > half || (rest == half && (floor & 1)));
  }
  return floor;
}

int64_t apply_overflow(Wide value, const FixedType& type, OverflowCount* count) {
  const Wide min = type.min_raw();
  const Wide max = type.max_raw();
  if (value >= min && value <= max) return static_cast<int64_t>(value);
  if (count != nullptr) ++(type.overflow == Overflow::kWrap ? count->wrapped : count->saturated);
  switch (type.overflow) {
    case Overflow::kWrap: {
      if (type.width == 0) return 0;
      const Wide low = value & ((Wide{1} << type.width) - 1);
      const bool negative = type.is_signed && ((low >> (type.width - 1)) & 1);
      return static_cast<int64_t>(negative ? low - (Wide{1} << type.width) : low);
    }
    case Overflow::kSat:
    case Overflow::kSatSym:
      return static_cast<int64_t>(value < min ? min : max);
    case Overflow::kSatZero:
      return 0;
  }
  return 0;
}

namespace {

/// `value * 2^left` brought into the range of `type`, though the product may not fit 128 bits.
int64_t shift_left_into(Wide value, int left, const FixedType& type, OverflowCount* count) {
  if (left >= 127) left = 127;
  const Wide highest = type.max_raw() >> left;
  const Wide lowest = -((-type.min_raw()) >> left);
  if (value > highest || value < lowest) {
    if (type.overflow == Overflow::kWrap) {
      const auto bits = static_cast<uint64_t>(left >= 64 ? 0 : static_cast<uint64_t>(value) << left);
      if (count != nullptr) ++count->wrapped;
      return apply_overflow(static_cast<Wide>(bits), type);
    }
    return apply_overflow(value > 0 ? type.max_raw() + 1 : type.min_raw() - 1, type, count);
  }
  return apply_overflow(value << left, type, count);
}

}  // namespace

int64_t cast(Wide value, int fraction, const FixedType& type, OverflowCount* count) {
  if (type.width == 0 || value == 0) return 0;
  const int shift = fraction - type.fraction();
  if (shift < 0) return shift_left_into(value, -shift, type, count);
  return apply_overflow(shift_right_rounded(value, shift, type.rounding), type, count);
}

int64_t cast(double value, const FixedType& type, OverflowCount* count) {
  if (value == 0 || type.width == 0) return 0;
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);  // value = mantissa * 2^exponent, 0.5 <= |mantissa| < 1
  const Wide digits = static_cast<Wide>(std::ldexp(mantissa, 53));
  return cast(digits, 53 - exponent, type, count);
}

double to_double(int64_t raw, const FixedType& type) { return std::ldexp(static_cast<double>(raw), -type.fraction()); }

int container_bits(int width) {
  for (const int bits : {8, 16, 32}) {
    if (width <= bits) return bits;
  }
  return 64;
}

}  // namespace strobe::model
