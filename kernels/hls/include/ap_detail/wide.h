#pragma once

#include <stdint.h>

/// Multi-word integers, the storage of ap types above 128 bits. Not for direct use: include ap_int.h or ap_fixed.h.
namespace strobe_hls {

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

/// A two's complement integer of N 64-bit words, least significant first. Arithmetic is modulo 2^(64 N); comparison,
/// right shift and division are signed. Division by zero is the caller's to exclude.
template <int N>
struct Wide {
  uint64_t w[N];

  constexpr Wide() : w{} {}

  /// From any built-in integer, value preserved.
  template <class T, class = decltype(T() % T(1))>
  explicit constexpr Wide(T v) : w{} {
    const uint64_t fill = (v < T(0)) ? ~uint64_t(0) : 0;
    for (int i = 1; i < N; ++i) w[i] = fill;
    w[0] = static_cast<uint64_t>(v);
    if (N > 1) w[N > 1 ? 1 : 0] = static_cast<uint64_t>(static_cast<uint128>(v) >> 64);
  }

  /// Sign-extends or drops high words.
  template <int M>
  explicit constexpr Wide(const Wide<M>& o) : w{} {
    const uint64_t fill = o.negative() ? ~uint64_t(0) : 0;
    for (int i = 0; i < N; ++i) w[i] = i < M ? o.w[i < M ? i : 0] : fill;
  }

  /// The low bits, as every built-in narrowing gives.
  template <class T, class = decltype(T() % T(1))>
  explicit constexpr operator T() const {
    return static_cast<T>((static_cast<uint128>(w[N > 1 ? 1 : 0]) << 64) | w[0]);
  }

  constexpr bool negative() const { return (w[N - 1] >> 63) != 0; }
  constexpr bool zero() const {
    uint64_t any = 0;
    for (int i = 0; i < N; ++i) any |= w[i];
    return any == 0;
  }
  constexpr bool bit(int i) const { return ((w[i / 64] >> (i % 64)) & 1) != 0; }

  friend constexpr Wide operator+(const Wide& a, const Wide& b) {
    Wide r;
    uint64_t carry = 0;
    for (int i = 0; i < N; ++i) {
      const uint128 s = static_cast<uint128>(a.w[i]) + b.w[i] + carry;
      r.w[i] = static_cast<uint64_t>(s);
      carry = static_cast<uint64_t>(s >> 64);
    }
    return r;
  }
  friend constexpr Wide operator~(const Wide& a) {
    Wide r;
    for (int i = 0; i < N; ++i) r.w[i] = ~a.w[i];
    return r;
  }
  friend constexpr Wide operator-(const Wide& a) { return ~a + Wide(1); }
  friend constexpr Wide operator-(const Wide& a, const Wide& b) { return a + ~b + Wide(1); }
  friend constexpr Wide operator*(const Wide& a, const Wide& b) {
    Wide r;
    for (int i = 0; i < N; ++i) {
      uint64_t carry = 0;
      for (int j = 0; i + j < N; ++j) {
        const uint128 p = static_cast<uint128>(a.w[i]) * b.w[j] + r.w[i + j] + carry;
        r.w[i + j] = static_cast<uint64_t>(p);
        carry = static_cast<uint64_t>(p >> 64);
      }
    }
    return r;
  }
  friend constexpr Wide operator&(const Wide& a, const Wide& b) {
    Wide r;
    for (int i = 0; i < N; ++i) r.w[i] = a.w[i] & b.w[i];
    return r;
  }
  friend constexpr Wide operator|(const Wide& a, const Wide& b) { return ~(~a & ~b); }
  friend constexpr Wide operator^(const Wide& a, const Wide& b) { return (a | b) & ~(a & b); }

  /// `n` in 0..64 N - 1.
  friend constexpr Wide operator<<(const Wide& a, int n) {
    Wide r;
    const int words = n / 64, bits = n % 64;
    for (int i = N - 1; i >= words; --i) {
      r.w[i] = a.w[i - words] << bits;
      if (bits != 0 && i > words) r.w[i] |= a.w[i - words - 1] >> (64 - bits);
    }
    return r;
  }
  friend constexpr Wide operator>>(const Wide& a, int n) {
    Wide r;
    const uint64_t fill = a.negative() ? ~uint64_t(0) : 0;
    const int words = n / 64, bits = n % 64;
    for (int i = 0; i < N; ++i) {
      const uint64_t low = i + words < N ? a.w[i + words] : fill;
      const uint64_t high = i + words + 1 < N ? a.w[i + words + 1] : fill;
      r.w[i] = bits == 0 ? low : ((low >> bits) | (high << (64 - bits)));
    }
    return r;
  }

  friend constexpr bool operator==(const Wide& a, const Wide& b) { return (a - b).zero(); }
  friend constexpr bool operator!=(const Wide& a, const Wide& b) { return !(a == b); }
  friend constexpr bool operator<(const Wide& a, const Wide& b) {
    if (a.negative() != b.negative()) return a.negative();
    for (int i = N - 1; i >= 0; --i) {
      if (a.w[i] != b.w[i]) return a.w[i] < b.w[i];
    }
    return false;
  }
  friend constexpr bool operator>(const Wide& a, const Wide& b) { return b < a; }
  friend constexpr bool operator<=(const Wide& a, const Wide& b) { return !(b < a); }
  friend constexpr bool operator>=(const Wide& a, const Wide& b) { return !(a < b); }

  /// Quotient towards zero, remainder with the sign of the dividend.
  friend constexpr Wide operator/(const Wide& a, const Wide& b) { return a.divide(b, false); }
  friend constexpr Wide operator%(const Wide& a, const Wide& b) { return a.divide(b, true); }

 private:
  /// Bit-serial division of the magnitudes. Invariant: dividend >> i == quotient * divisor + rest. The rest is compared
  /// as unsigned: it may use the top bit when the divisor is the most negative number.
  constexpr Wide divide(const Wide& divisor, bool want_rest) const {
    const Wide a = negative() ? -*this : *this;
    const Wide b = divisor.negative() ? -divisor : divisor;
    Wide quotient, rest;
    for (int i = 64 * N - 1; i >= 0; --i) {
      rest = rest << 1;
      rest.w[0] |= a.bit(i) ? 1 : 0;
      if (!rest.below(b)) {
        rest = rest - b;
        quotient.w[i / 64] |= uint64_t(1) << (i % 64);
      }
    }
    if (want_rest) return negative() ? -rest : rest;
    return negative() != divisor.negative() ? -quotient : quotient;
  }
  constexpr bool below(const Wide& o) const {
    for (int i = N - 1; i >= 0; --i) {
      if (w[i] != o.w[i]) return w[i] < o.w[i];
    }
    return false;
  }
};

}  // namespace strobe_hls
