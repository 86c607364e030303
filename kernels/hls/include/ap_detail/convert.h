#pragma once

#include "ap_detail/bits.h"

/// What happens to bits below the last kept one (UG1399, "Quantization Modes").
enum ap_q_mode {
  AP_RND,          ///< nearest, ties towards plus infinity
  AP_RND_ZERO,     ///< nearest, ties towards zero
  AP_RND_MIN_INF,  ///< nearest, ties towards minus infinity
  AP_RND_INF,      ///< nearest, ties away from zero
  AP_RND_CONV,     ///< nearest, ties to even
  AP_TRN,          ///< towards minus infinity (default)
  AP_TRN_ZERO,     ///< towards zero
};

/// What happens to a value outside the range, after rounding (UG1399, "Overflow Modes").
enum ap_o_mode {
  AP_SAT,       ///< nearest limit
  AP_SAT_ZERO,  ///< zero
  AP_SAT_SYM,   ///< nearest limit of -max..max
  AP_WRAP,      ///< low bits kept (default); with N > 0 the top N bits saturate and the sign is kept
  AP_WRAP_SM,   ///< sign-magnitude wrap, signed types only
};

namespace strobe_hls {

/// What rounding adds to `c >> sh` (towards minus infinity). `half` is the first dropped bit, `rest` whether any bit
/// below it is set, `negative` the sign before rounding, `odd` the last kept bit.
constexpr bool rounds_up(ap_q_mode q, bool half, bool rest, bool negative, bool odd) {
  return q == AP_RND           ? half
         : q == AP_RND_ZERO    ? half && (negative || rest)
         : q == AP_RND_MIN_INF ? half && rest
         : q == AP_RND_INF     ? half && (!negative || rest)
         : q == AP_RND_CONV    ? half && (odd || rest)
         : q == AP_TRN_ZERO    ? negative && (half || rest)
                               : false;
}

/// `c * 2^-sh`, rounded; `sh` from 1 to the carrier's bits - 1.
template <ap_q_mode Q, class C>
constexpr C shift_rounded(const C& c, int sh) {
  return Q == AP_TRN   ? static_cast<C>(c >> sh)
         : Q == AP_RND ? static_cast<C>((c >> sh) + C(bit_of(c, sh - 1)))
                       : static_cast<C>((c >> sh) + C(rounds_up(Q, bit_of(c, sh - 1), any_below(c, sh - 1), c < C(0),
                                                                bit_of(c, sh))));
}

/// AP_WRAP with N > 0 and AP_WRAP_SM for a value known to be outside the range. `dropped` is the bit just above the
/// target's sign bit, before rounding. A signed result keeps the sign of the value; N - 1 bits below the sign bit
/// saturate. An unsigned one has its top N bits set, whichever side it left the range on.
template <int W, bool S, ap_o_mode O, int N, class C>
constexpr Storage<W, S> wrap_saturated(const C& q, bool dropped) {
  constexpr int kTop = min_of(N, W);
  const bool negative = q < C(0);
  if (!S) return wrap_to<W, S>(static_cast<C>(q | shift_left(ones<C>(kTop), W - kTop)));
  C r = q;
  if (O == AP_WRAP_SM) {
    const bool sign = N == 0 ? dropped : negative;
    const bool flip = N == 0 ? dropped != bit_of(q, W - 1) : N == 1 ? negative != bit_of(q, W - 1)
                                                                    : negative == bit_of(q, W - kTop);
    if (flip) r = static_cast<C>(~r);
    if (N == 0 && !flip) return wrap_to<W, S>(r);
    const C top = shift_left(C(1), W - 1);
    r = static_cast<C>(sign ? (r | top) : (r & static_cast<C>(~top)));
    if (N == 0) return wrap_to<W, S>(r);
  }
  const C middle = shift_left(ones<C>(max_of(kTop - 1, 0)), W - max_of(kTop, 1));
  const C top = shift_left(C(1), W - 1);
  r = static_cast<C>(negative ? (r & static_cast<C>(~middle)) : (r | middle));
  return wrap_to<W, S>(static_cast<C>(negative ? (r | top) : (r & static_cast<C>(~top))));
}

/// Brings a rounded value into W bits. The carrier holds at least W bits and a sign.
template <int W, bool S, ap_o_mode O, int N, class C>
constexpr Storage<W, S> fit(const C& q, bool dropped) {
  const C high = ones<C>(S ? W - 1 : W);
  const C low = S ? static_cast<C>(~high) : C(0);
  if (O == AP_WRAP || O == AP_WRAP_SM) {
    return q < low || high < q ? wrap_saturated<W, S, O, N>(q, dropped) : wrap_to<W, S>(q);
  }
  // The symmetric limit of a 1-bit signed number is -1, as in the vendor's simulation: it has no other negative value.
  const C bottom = O == AP_SAT_SYM && S && W > 1 ? static_cast<C>(low + C(1)) : low;
  return wrap_to<W, S>(high < q   ? (O == AP_SAT_ZERO ? C(0) : high)
                       : q < bottom ? (O == AP_SAT_ZERO ? C(0) : bottom)
                                    : q);
}

/// The plan of a conversion from W2 bits with F2 fraction bits to W bits with F: how far to shift and in which carrier.
template <int W, bool S, int F, ap_q_mode Q, ap_o_mode O, int N, int W2, bool S2, int F2>
struct Conversion {
  static constexpr int kSource = signed_bits(W2, S2);
  // A shift beyond the source's bits leaves less than a quarter of the last bit, which rounds like any smaller rest.
  static constexpr int kRight = F2 > F ? min_of(F2 - F, kSource + 1) : 0;
  static constexpr int kLeft = F2 < F ? F - F2 : 0;
  static constexpr int kRounded = max_of(kSource - kRight, 1) + (kRight > 0 && Q != AP_TRN ? 1 : 0) + kLeft;
  static constexpr bool kLowBitsOnly =
      (O == AP_WRAP && N == 0) || (kRounded <= signed_bits(W, S) && (S || !S2) && O != AP_SAT_SYM && O != AP_WRAP_SM);
  static constexpr int kShiftBits = kRight > 0 ? max_of(kSource, kRight + 1) : 0;
  static constexpr int kBits = kLowBitsOnly ? (kRight > 0 ? kShiftBits : W)
                                            : max_of(max_of(kShiftBits, kRounded), W + 2);
  using C = Carrier<kBits>;
};

/// Converts between formats: aligns, rounds, then wraps or saturates. The heart of every assignment.
template <int W, bool S, int F, ap_q_mode Q, ap_o_mode O, int N, int W2, bool S2, int F2>
constexpr Storage<W, S> convert(const Storage<W2, S2>& v) {
  using P = Conversion<W, S, F, Q, O, N, W2, S2, F2>;
  using C = typename P::C;
  if (P::kLowBitsOnly && P::kLeft >= W) return Storage<W, S>(0);
  const C c = static_cast<C>(v);
  // Shift counts are clamped only for the branches that this conversion does not take.
  const C q = P::kRight > 0 ? shift_rounded<Q>(c, P::kRight > 0 ? P::kRight : 1)
                            : shift_left(c, P::kLeft < P::kBits ? P::kLeft : 0);
  if (P::kLowBitsOnly) return wrap_to<W, S>(q);
  constexpr int kAbove = W + F2 - F;
  const bool dropped = O == AP_WRAP_SM && kAbove >= 0 && bit_of(c, min_of(max_of(kAbove, 0), P::kSource - 1));
  return fit<W, S, O, N>(q, dropped);
}

/// Rounds a number scaled to the last bit, |scaled| < 2^62, to an integer; `tiny` adds a rest below any bit of it.
constexpr int64_t round_scaled(ap_q_mode q, double scaled) {
  const int64_t whole = static_cast<int64_t>(scaled);
  const double rest = scaled - static_cast<double>(whole);
  const double size = rest < 0 ? -rest : rest;
  const int64_t away = scaled < 0 ? whole - 1 : whole + 1;
  return rest == 0                              ? whole
         : q == AP_TRN                          ? (rest < 0 ? away : whole)
         : q == AP_TRN_ZERO || size < 0.5       ? whole
         : size > 0.5                           ? away
         : q == AP_RND                          ? (rest > 0 ? away : whole)
         : q == AP_RND_MIN_INF                  ? (rest < 0 ? away : whole)
         : q == AP_RND_INF                      ? away
         : q == AP_RND_CONV && (whole & 1) != 0 ? away
                                                : whole;
}

/// A double of any size as a number scaled by 2^f: a whole mantissa below 2^54 times 2^exponent, exact.
struct Scaled {
  int64_t mantissa;
  int exponent;
};
constexpr Scaled decompose(double d, int f) {
  if (!(d - d == 0)) return {d != d ? 0 : (d < 0 ? -1 : 1), d != d ? 0 : 1 << 20};
  double m = d < 0 ? -d : d;
  int e = f;
  for (; m >= 9007199254740992.0; ++e) m /= 2;
  for (; m != 0 && m < 4503599627370496.0; --e) m *= 2;
  return {d < 0 ? -static_cast<int64_t>(m) : static_cast<int64_t>(m), e};
}

constexpr double kScaledLimit = 4611686018427387904.0;  // 2^62

/// Rounds d * 2^f where that is below 2^62; `scaled` is that product, as far as a double holds it.
constexpr int64_t round_small(ap_q_mode q, double scaled, double d) {
  // Below 2^-60 only the sign matters, and the scaling may have underflowed.
  return round_scaled(q, scaled < pow2(-60) && scaled > -pow2(-60) ? (d < 0 ? -pow2(-60) : pow2(-60)) : scaled);
}

/// Stands for d * 2^f where that is 2^62 or more: an integer with the same low 62 bits, also beyond 2^62, of the same
/// sign.
constexpr int64_t shorten_large(double d, int f) {
  const Scaled s = decompose(d, f);
  if (s.mantissa == 0) return 0;
  const uint64_t low = s.exponent < 62 ? static_cast<uint64_t>(s.mantissa) << s.exponent : 0;
  const uint64_t kept = low & ((uint64_t(1) << 62) - 1);
  return static_cast<int64_t>(d < 0 ? kept - (uint64_t(1) << 63) : kept + (uint64_t(1) << 62));
}

/// d * 2^f as an integer that has the right low 62 bits and is out of range when it should: enough for W up to 61.
/// `floor` is the value before rounding.
struct RoundedDouble {
  int64_t value;
  int64_t floor;
};
constexpr RoundedDouble round_double(ap_q_mode q, double d, int f, double scaled) {
  if (scaled < kScaledLimit && scaled > -kScaledLimit) {
    return {round_small(q, scaled, d), q == AP_TRN ? 0 : round_small(AP_TRN, scaled, d)};
  }
  const Scaled s = f >= -900 && f <= 900 ? Scaled{1, 1} : decompose(d, f);
  if (s.exponent < 0 && s.mantissa != 0) {
    const double again = static_cast<double>(s.mantissa) * pow2(max_of(s.exponent, -900));
    return {round_small(q, again, d), round_small(AP_TRN, again, d)};
  }
  return {shorten_large(d, f), shorten_large(d, f)};
}

template <bool Wide62> struct DoubleConverter {
  template <int W, bool S, int F, ap_q_mode Q, ap_o_mode O, int N>
  static constexpr Storage<W, S> to(double d, double scaled) {
    const RoundedDouble r = round_double(Q, d, F, scaled);
    if (O == AP_WRAP && N == 0) return wrap_to<W, S>(r.value);
    return fit<W, S, O, N>(r.value, O == AP_WRAP_SM && bit_of(Q == AP_TRN ? r.value : r.floor, W));
  }
};
template <> struct DoubleConverter<true> {
  template <int W, bool S, int F, ap_q_mode Q, ap_o_mode O, int N>
  static constexpr Storage<W, S> to(double d, double scaled) {
    const Scaled s = decompose(d, F);
    if (s.mantissa == 0) return Storage<W, S>(0);
    if (s.exponent < 0) {
      const RoundedDouble r = round_double(Q, d, F, scaled);
      return convert<W, S, 0, Q, O, N, 64, true, 0>(r.value);
    }
    // Beyond W + 1 places the low W bits are zero and the value is out of range, however far.
    return convert<W, S, 0, Q, O, N, W + 57, true, 0>(wrap_to<W + 57, true>(
        shift_left(static_cast<Carrier<W + 57>>(s.mantissa), min_of(s.exponent, W + 1))));
  }
};

/// Converts a double, taken as an exact number. NaN gives 0, an infinity a value beyond every range.
template <int W, bool S, int F, ap_q_mode Q, ap_o_mode O, int N>
constexpr Storage<W, S> convert_double(double d) {
  constexpr bool kScalable = F >= -900 && F <= 900;
  if (d == 0) return Storage<W, S>(0);
  const double scaled = kScalable ? d * pow2(kScalable ? F : 0) : kScaledLimit;
  return DoubleConverter<(W > 61)>::template to<W, S, F, Q, O, N>(d, scaled);
}

}  // namespace strobe_hls
