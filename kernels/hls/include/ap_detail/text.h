#pragma once

#include <stdio.h>
#include <stdlib.h>

#include <string>

#include "ap_detail/convert.h"

/// Ap values as text and back. Slow and exact; nothing here runs in a kernel.
namespace strobe_hls {

/// Wide enough for numbers of 1024 bits beside an exponent of the same size.
using TextNumber = Wide<64>;

[[noreturn]] inline void text_fatal(const char* text, const char* why) {
  fprintf(stderr, "ap_fixed: \"%s\" is not a number: %s\n", text, why);
  abort();
}

/// A number read from text.
class TextReader {
 public:
  TextReader(const char* text, int radix) : text_(text), at_(text), radix_(radix) {
    if (*at_ == '+' || *at_ == '-') negative_ = *at_++ == '-';
    read_prefix();
    bool any = false, point = false;
    for (; *at_ != 0; ++at_) {
      if (*at_ == '.' && !point) {
        point = true;
        continue;
      }
      const int digit = digit_of(*at_);
      if (digit < 0) break;
      if (++digits_ > 1030) text_fatal(text_, "more than 1030 digits");
      if (point) ++places_;
      value_ = value_ * TextNumber(radix_) + TextNumber(digit);
      any = true;
    }
    if (!any) text_fatal(text_, "expected digits of its base");
    read_exponent();
  }

  /// The number with `fraction` + 1 fraction bits, the last of which stands for any smaller rest.
  TextNumber scaled(int fraction) const {
    const int step = radix_ == 16 ? 4 : radix_ == 8 ? 3 : radix_ == 2 ? 1 : 0;
    const int shift = fraction + (radix_ == 10 ? 0 : exponent_ - step * places_);
    const int tens = radix_ == 10 ? exponent_ - places_ : 0;
    TextNumber n = value_, d(1);
    for (int i = 0; i < tens; ++i) n = n * TextNumber(10);
    for (int i = 0; i < -tens; ++i) d = d * TextNumber(10);
    if (used_bits(n) + max_of(shift, 0) > 4090 || used_bits(d) + max_of(-shift, 0) > 4090) {
      text_fatal(text_, "out of the range that text is read in");
    }
    if (shift > 0) n = n << shift;
    if (shift < 0) d = d << -shift;
    TextNumber r = (n / d) << 1;
    if (!(n % d).zero()) r.w[0] |= 1;
    return negative_ ? -r : r;
  }

 private:
  void read_prefix() {
    const bool zero = at_[0] == '0';
    const char c = zero ? static_cast<char>(at_[1] | 0x20) : '\0';
    const int named = c == 'x' ? 16 : c == 'b' ? 2 : c == 'o' ? 8 : 0;
    if (named != 0 && (radix_ == 0 || radix_ == named)) {
      radix_ = named;
      at_ += 2;
    }
    if (radix_ == 0) radix_ = 10;
    if (radix_ != 2 && radix_ != 8 && radix_ != 10 && radix_ != 16) text_fatal(text_, "base is not 2, 8, 10 or 16");
  }
  void read_exponent() {
    if (*at_ == 0) return;
    const char c = static_cast<char>(*at_ | 0x20);
    char* end = nullptr;
    const long e = strtol(at_ + 1, &end, 10);
    if ((radix_ == 10 ? c != 'e' : c != 'p') || end == at_ + 1 || *end != 0) text_fatal(text_, "unexpected character");
    if (e > 1100 || e < -1100) text_fatal(text_, "exponent beyond 1100");
    exponent_ = static_cast<int>(e);
  }
  int digit_of(char c) const {
    const char low = static_cast<char>(c | 0x20);
    const int d = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
    return d < radix_ ? d : -1;
  }
  static int used_bits(const TextNumber& n) {
    int bits = 4096;
    while (bits > 0 && !n.bit(bits - 1)) --bits;
    return bits;
  }

  const char* text_;
  const char* at_;
  int radix_;
  bool negative_ = false;
  int digits_ = 0;
  int places_ = 0;
  int exponent_ = 0;
  TextNumber value_;
};

/// Digits of a number >= 0 with `f` fraction bits in base 10: exact, without trailing zeros.
inline std::string decimal_digits(const TextNumber& n, int f) {
  TextNumber whole = f >= 0 ? n >> f : n << -f;
  TextNumber rest = f > 0 ? n & ones<TextNumber>(f) : TextNumber();
  std::string s;
  do {
    uint64_t remainder = 0;
    for (int i = 63; i >= 0; --i) {
      const uint128 part = (static_cast<uint128>(remainder) << 64) | whole.w[i];
      whole.w[i] = static_cast<uint64_t>(part / 10);
      remainder = static_cast<uint64_t>(part % 10);
    }
    s.insert(s.begin(), static_cast<char>('0' + remainder));
  } while (!whole.zero());
  if (rest.zero()) return s;
  s += '.';
  while (!rest.zero()) {
    rest = rest * TextNumber(10);
    s += static_cast<char>('0' + static_cast<int>(rest >> f));
    rest = rest & ones<TextNumber>(f);
  }
  return s;
}

/// All digits of a number of w bits, i before the point, in base 2, 8 or 16; digits beyond its top copy its sign.
inline std::string binary_digits(const TextNumber& n, int w, int i, int radix) {
  const int step = radix == 16 ? 4 : radix == 8 ? 3 : 1;
  const int f = w - i;
  std::string s = radix == 16 ? "0x" : radix == 8 ? "0o" : "0b";
  const auto digit = [&](int weight) {
    int d = 0;
    for (int k = step - 1; k >= 0; --k) {
      const int at = weight + k + f;
      d = 2 * d + (at >= 0 && n.bit(min_of(at, 4095)) ? 1 : 0);
    }
    return "0123456789abcdef"[d];
  };
  for (int k = (max_of(i, 1) + step - 1) / step - 1; k >= 0; --k) s += digit(k * step);
  if (f <= 0) return s;
  s += '.';
  for (int k = 1; k <= (f + step - 1) / step; ++k) s += digit(-k * step);
  return radix == 16 ? s + "p0" : s;
}

/// `n` sign-extended, of w bits with i before the point. With `with_sign` a negative number is '-' and its size;
/// without, its two's complement digits (base 10: as unsigned). Base 2 never carries a sign.
inline std::string number_to_string(const TextNumber& n, int w, int i, int radix, bool with_sign) {
  if (radix != 2 && radix != 8 && radix != 10 && radix != 16) text_fatal("", "base is not 2, 8, 10 or 16");
  const bool minus = with_sign && radix != 2 && n.negative();
  const TextNumber size = minus ? -n : n;
  const std::string sign = minus ? "-" : "";
  if (radix == 10) return sign + decimal_digits(minus ? size : size & ones<TextNumber>(w), w - i);
  return sign + binary_digits(size, w, i, radix);
}

}  // namespace strobe_hls

template <int W, bool S>
ap_int_base<W, S>::ap_int_base(const char* text, int radix)
    : V(strobe_hls::convert<W, S, 0, AP_TRN_ZERO, AP_WRAP, 0, 4096, true, 2>(
          strobe_hls::TextReader(text, radix).scaled(1))) {}

template <int W, bool S>
std::string ap_int_base<W, S>::to_string(int radix, bool with_sign) const {
  return strobe_hls::number_to_string(static_cast<strobe_hls::TextNumber>(V), W, W, radix, with_sign);
}

template <class Traits, int W, bool S>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& os, const ap_int_base<W, S>& v) {
  using Stream = std::basic_ostream<char, Traits>;
  const auto base = os.flags() & Stream::basefield;
  return os << v.to_string(base == Stream::hex ? 16 : base == Stream::oct ? 8 : 10).c_str();
}
