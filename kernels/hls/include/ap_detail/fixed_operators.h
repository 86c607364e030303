#pragma once

// Operators of ap_fixed, included by ap_fixed.h once the class is complete.

namespace strobe_hls {
/// The ap_fixed of the same value as an ap_int or a built-in integer.
template <int W, bool S>
constexpr Exact<W, W, S> as_fixed(const ap_int_base<W, S>& v) { return Exact<W, W, S>::from_raw(v.V); }
template <class T, int W = CInt<T>::width>
constexpr Exact<W, W, CInt<T>::is_signed != 0> as_fixed(T v) {
  return Exact<W, W, CInt<T>::is_signed != 0>::from_raw(static_cast<Storage<W, CInt<T>::is_signed != 0>>(v));
}

/// A raw value moved up by `Up` fraction bits in a carrier.
template <class C, int Up, class T>
constexpr C aligned(const T& v) { return shift_left(static_cast<C>(v), Up); }
}  // namespace strobe_hls

#define STROBE_HLS_FIXED_ARGS1 int W1, int I1, bool S1, ap_q_mode Q1, ap_o_mode O1, int N1
#define STROBE_HLS_FIXED_ARGS2 int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2, int N2
#define STROBE_HLS_FIXED1 ap_fixed_base<W1, I1, S1, Q1, O1, N1>
#define STROBE_HLS_FIXED2 ap_fixed_base<W2, I2, S2, Q2, O2, N2>

/// The same operator with an ap_int or a built-in integer on either side.
#define STROBE_HLS_FIXED_MIXED(op)                                                                       \
  template <STROBE_HLS_FIXED_ARGS1, int W2, bool S2>                                                     \
  constexpr auto operator op(const STROBE_HLS_FIXED1& a, const ap_int_base<W2, S2>& b) {                 \
    return a op strobe_hls::as_fixed(b);                                                                 \
  }                                                                                                      \
  template <int W1, bool S1, STROBE_HLS_FIXED_ARGS2>                                                     \
  constexpr auto operator op(const ap_int_base<W1, S1>& a, const STROBE_HLS_FIXED2& b) {                 \
    return strobe_hls::as_fixed(a) op b;                                                                 \
  }                                                                                                      \
  template <STROBE_HLS_FIXED_ARGS1, class T, int = strobe_hls::CInt<T>::width>                           \
  constexpr auto operator op(const STROBE_HLS_FIXED1& a, T b) {                                          \
    return a op strobe_hls::as_fixed(b);                                                                 \
  }                                                                                                      \
  template <class T, STROBE_HLS_FIXED_ARGS2, int = strobe_hls::CInt<T>::width>                           \
  constexpr auto operator op(T a, const STROBE_HLS_FIXED2& b) {                                          \
    return strobe_hls::as_fixed(a) op b;                                                                 \
  }

/// Aligns both raw values to the finer one and computes in a carrier of the result.
#define STROBE_HLS_FIXED_ALIGNED(op, Name)                                                                       \
  template <STROBE_HLS_FIXED_ARGS1, STROBE_HLS_FIXED_ARGS2>                                                      \
  constexpr typename strobe_hls::FixedResult<W1, I1, S1, W2, I2, S2>::Name operator op(                          \
      const STROBE_HLS_FIXED1& a, const STROBE_HLS_FIXED2& b) {                                                  \
    using T = strobe_hls::FixedResult<W1, I1, S1, W2, I2, S2>;                                                   \
    using R = typename T::Name;                                                                                  \
    using C = strobe_hls::Carrier<strobe_hls::signed_bits(R::width, R::sign_flag)>;                              \
    return R::from_raw(static_cast<typename R::Raw>(static_cast<C>(                                              \
        strobe_hls::aligned<C, T::kF - T::kF1>(a.V) op strobe_hls::aligned<C, T::kF - T::kF2>(b.V))));           \
  }                                                                                                              \
  STROBE_HLS_FIXED_MIXED(op)
STROBE_HLS_FIXED_ALIGNED(+, plus)
STROBE_HLS_FIXED_ALIGNED(-, minus)
STROBE_HLS_FIXED_ALIGNED(&, logic)
STROBE_HLS_FIXED_ALIGNED(|, logic)
STROBE_HLS_FIXED_ALIGNED(^, logic)
#undef STROBE_HLS_FIXED_ALIGNED

template <STROBE_HLS_FIXED_ARGS1, STROBE_HLS_FIXED_ARGS2>
constexpr typename strobe_hls::FixedResult<W1, I1, S1, W2, I2, S2>::mult operator*(const STROBE_HLS_FIXED1& a,
                                                                                   const STROBE_HLS_FIXED2& b) {
  using R = typename strobe_hls::FixedResult<W1, I1, S1, W2, I2, S2>::mult;
  using C = strobe_hls::Carrier<strobe_hls::signed_bits(W1 + W2, S1 || S2)>;
  return R::from_raw(static_cast<typename R::Raw>(static_cast<C>(static_cast<C>(a.V) * static_cast<C>(b.V))));
}
STROBE_HLS_FIXED_MIXED(*)

template <STROBE_HLS_FIXED_ARGS1, STROBE_HLS_FIXED_ARGS2>
constexpr typename strobe_hls::FixedResult<W1, I1, S1, W2, I2, S2>::div operator/(const STROBE_HLS_FIXED1& a,
                                                                                  const STROBE_HLS_FIXED2& b) {
  using R = typename strobe_hls::FixedResult<W1, I1, S1, W2, I2, S2>::div;
  constexpr int kUp = strobe_hls::max_of(W2 - I2, 0);
  using C = strobe_hls::Carrier<strobe_hls::max_of(W1 + kUp + 2, W2 + 1)>;
  if (b.is_zero()) strobe_hls::ap_fatal("division", 0, 0, W2);
  return R::from_raw(static_cast<typename R::Raw>(
      static_cast<C>(strobe_hls::aligned<C, kUp>(a.V) / static_cast<C>(b.V))));
}
STROBE_HLS_FIXED_MIXED(/)

/// The vendor has no remainder; without these a % would silently convert to built-in integers.
template <STROBE_HLS_FIXED_ARGS1, class T>
void operator%(const STROBE_HLS_FIXED1&, const T&) = delete;
template <class T, STROBE_HLS_FIXED_ARGS2>
void operator%(const T&, const STROBE_HLS_FIXED2&) = delete;

#define STROBE_HLS_FIXED_COMPARE(op)                                                                                   \
  template <STROBE_HLS_FIXED_ARGS1, STROBE_HLS_FIXED_ARGS2>                                                            \
  constexpr bool operator op(const STROBE_HLS_FIXED1& a, const STROBE_HLS_FIXED2& b) {                                 \
    constexpr int kF = strobe_hls::max_of(W1 - I1, W2 - I2);                                                           \
    using C = strobe_hls::Carrier<strobe_hls::max_of(strobe_hls::signed_bits(I1 + kF, S1),                             \
                                                     strobe_hls::signed_bits(I2 + kF, S2))>;                           \
    return strobe_hls::aligned<C, kF - (W1 - I1)>(a.V) op strobe_hls::aligned<C, kF - (W2 - I2)>(b.V);                 \
  }                                                                                                                    \
  STROBE_HLS_FIXED_MIXED(op)                                                                                           \
  template <STROBE_HLS_FIXED_ARGS1, class T, class = typename strobe_hls::CFloat<T>::type>                             \
  constexpr bool operator op(const STROBE_HLS_FIXED1& a, T b) {                                                        \
    return a.to_double() op static_cast<double>(b);                                                                    \
  }                                                                                                                    \
  template <class T, STROBE_HLS_FIXED_ARGS2, class = typename strobe_hls::CFloat<T>::type>                             \
  constexpr bool operator op(T a, const STROBE_HLS_FIXED2& b) {                                                        \
    return static_cast<double>(a) op b.to_double();                                                                    \
  }
STROBE_HLS_FIXED_COMPARE(==)
STROBE_HLS_FIXED_COMPARE(!=)
STROBE_HLS_FIXED_COMPARE(<)
STROBE_HLS_FIXED_COMPARE(>)
STROBE_HLS_FIXED_COMPARE(<=)
STROBE_HLS_FIXED_COMPARE(>=)
#undef STROBE_HLS_FIXED_COMPARE
#undef STROBE_HLS_FIXED_MIXED

namespace strobe_hls {
template <STROBE_HLS_FIXED_ARGS1>
constexpr long long shift_count(const STROBE_HLS_FIXED1& n) { return shift_count(n.to_ap_int_base()); }
}  // namespace strobe_hls

/// Shifts the raw value within its type: bits fall off either end, nothing rounds or saturates.
#define STROBE_HLS_FIXED_SHIFT(op, sign)                                                                        \
  template <STROBE_HLS_FIXED_ARGS1, class T>                                                                    \
  constexpr auto operator op(const STROBE_HLS_FIXED1& a, const T& n)                                            \
      ->decltype(strobe_hls::shift_count(n), STROBE_HLS_FIXED1()) {                                             \
    return STROBE_HLS_FIXED1::from_raw(strobe_hls::shift_raw<W1, S1>(a.V, sign strobe_hls::shift_count(n)));    \
  }
STROBE_HLS_FIXED_SHIFT(<<, +)
STROBE_HLS_FIXED_SHIFT(>>, -)
#undef STROBE_HLS_FIXED_SHIFT

/// `a op= b` is `a = a op b`, rounded and limited by the modes of a.
#define STROBE_HLS_FIXED_ASSIGN(op)                                                              \
  template <STROBE_HLS_FIXED_ARGS1, class T>                                                     \
  constexpr auto operator op##=(STROBE_HLS_FIXED1& a, const T& b)->decltype(a = a op b) {        \
    return a = a op b;                                                                           \
  }
STROBE_HLS_FIXED_ASSIGN(+)
STROBE_HLS_FIXED_ASSIGN(-)
STROBE_HLS_FIXED_ASSIGN(*)
STROBE_HLS_FIXED_ASSIGN(/)
STROBE_HLS_FIXED_ASSIGN(&)
STROBE_HLS_FIXED_ASSIGN(|)
STROBE_HLS_FIXED_ASSIGN(^)
STROBE_HLS_FIXED_ASSIGN(<<)
STROBE_HLS_FIXED_ASSIGN(>>)
#undef STROBE_HLS_FIXED_ASSIGN
