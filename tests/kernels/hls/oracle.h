#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <random>

#include "ap_fixed.h"

/// Definitions of rounding, overflow and the operators in unlimited integers, to hold ap_fixed and ap_int against.
namespace oracle {

using BigInt = boost::multiprecision::cpp_int;

inline BigInt power(int n) { return BigInt(1) << n; }

/// Value modulo 2^w, as a signed or unsigned number.
inline BigInt wrap(const BigInt& v, int w, bool is_signed) {
  BigInt r = v % power(w);
  if (r < 0) r += power(w);
  return is_signed && r >= power(w - 1) ? r - power(w) : r;
}

inline BigInt floor_divide(const BigInt& a, const BigInt& b) {
  BigInt q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

/// raw * 2^-shift by the definition of each rounding mode: the nearest integer, and who wins a tie.
inline BigInt round(const BigInt& raw, int shift, ap_q_mode q) {
  if (shift <= 0) return raw * power(-shift);
  const BigInt one = power(shift), low = floor_divide(raw, one), high = low + 1;
  const BigInt above = raw - low * one, below = high * one - raw;
  if (above == 0 || q == AP_TRN) return low;
  if (q == AP_TRN_ZERO) return raw < 0 ? high : low;
  if (above != below) return above < below ? low : high;
  switch (q) {
    case AP_RND:
      return high;
    case AP_RND_MIN_INF:
      return low;
    case AP_RND_ZERO:
      return raw < 0 ? high : low;
    case AP_RND_INF:
      return raw < 0 ? low : high;
    default:
      return low % 2 == 0 ? low : high;
  }
}

inline BigInt limit(const BigInt& v, int w, bool is_signed, ap_o_mode o) {
  const BigInt high = power(is_signed ? w - 1 : w) - 1;
  const BigInt low = !is_signed ? BigInt(0) : o == AP_SAT_SYM ? BigInt(-high) : BigInt(-high - 1);
  if (o == AP_WRAP) return wrap(v, w, is_signed);
  if (v >= low && v <= high) return v;
  return o == AP_SAT_ZERO ? BigInt(0) : v < low ? low : high;
}

template <class V>
BigInt to_big(const V& v) {
  const auto bits = static_cast<strobe_hls::uint128>(v);
  return wrap((BigInt(static_cast<uint64_t>(bits >> 64)) << 64) + static_cast<uint64_t>(bits), 128, V(-1) < V(0));
}
template <int N>
BigInt to_big(const strobe_hls::Wide<N>& v) {
  BigInt r = 0;
  for (int i = N - 1; i >= 0; --i) r = (r << 64) + v.w[i];
  return wrap(r, 64 * N, true);
}

template <class V>
struct FromBig {
  static V make(const BigInt& b) {
    const BigInt u = wrap(b, 128, false);
    const auto high = static_cast<uint64_t>(u >> 64), low = static_cast<uint64_t>(u & (power(64) - 1));
    return static_cast<V>((static_cast<strobe_hls::uint128>(high) << 64) | low);
  }
};
template <int N>
struct FromBig<strobe_hls::Wide<N>> {
  static strobe_hls::Wide<N> make(const BigInt& b) {
    const BigInt u = wrap(b, 64 * N, false);
    strobe_hls::Wide<N> r;
    for (int i = 0; i < N; ++i) r.w[i] = static_cast<uint64_t>((u >> (64 * i)) & (power(64) - 1));
    return r;
  }
};

/// The raw value of an ap number.
template <class T>
BigInt raw(const T& v) {
  return to_big(v.V);
}

/// The ap number of a raw value that is in range.
template <class T>
T make(const BigInt& raw) {
  return T::from_raw(FromBig<typename T::Raw>::make(raw));
}

/// Raw values where carries, signs and limits matter: all lengths, and around powers of two.
inline BigInt random_raw(int w, bool is_signed, std::mt19937_64& rng) {
  BigInt r = 0;
  for (int i = 0; i < w; i += 64) r = (r << 64) + rng();
  switch (rng() % 6) {
    case 0:
      r = r >> static_cast<int>(rng() % (w + 64));
      break;
    case 1:
      r = power(static_cast<int>(rng() % w)) + static_cast<int>(rng() % 3) - 1;
      break;
    case 2:
      r = -power(static_cast<int>(rng() % w)) + static_cast<int>(rng() % 3) - 1;
      break;
    case 3:
      r = static_cast<int>(rng() % 5) - 2;
      break;
    default:
      break;
  }
  return wrap(r, w, is_signed);
}

}  // namespace oracle
