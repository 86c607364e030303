#pragma once

// Operators of ap_int, included by ap_int.h once the class is complete.

/// Computes `a op b` in a carrier that holds operands and result, so that nothing is lost.
#define STROBE_HLS_INT_BINARY(op, Name, check)                                                                     \
  template <int W1, bool S1, int W2, bool S2>                                                                      \
  constexpr typename strobe_hls::IntResult<W1, S1, W2, S2>::Name operator op(const ap_int_base<W1, S1>& a,         \
                                                                             const ap_int_base<W2, S2>& b) {       \
    using R = typename strobe_hls::IntResult<W1, S1, W2, S2>::Name;                                                \
    using C = strobe_hls::Carrier<strobe_hls::max_of(                                                              \
        strobe_hls::signed_bits(R::width, R::sign_flag),                                                           \
        strobe_hls::max_of(strobe_hls::signed_bits(W1, S1), strobe_hls::signed_bits(W2, S2)))>;                    \
    check;                                                                                                         \
    return R::from_raw(static_cast<typename R::Raw>(static_cast<C>(static_cast<C>(a.V) op static_cast<C>(b.V)))); \
  }                                                                                                                \
  template <int W1, bool S1, class T, int W2 = strobe_hls::CInt<T>::width>                                         \
  constexpr auto operator op(const ap_int_base<W1, S1>& a, T b) {                                                  \
    return a op ap_int_base<W2, strobe_hls::CInt<T>::is_signed != 0>(b);                                           \
  }                                                                                                                \
  template <int W1, bool S1, class T, int W2 = strobe_hls::CInt<T>::width>                                         \
  constexpr auto operator op(T a, const ap_int_base<W1, S1>& b) {                                                  \
    return ap_int_base<W2, strobe_hls::CInt<T>::is_signed != 0>(a) op b;                                           \
  }
#define STROBE_HLS_CHECK_DIVISOR \
  if (b.is_zero()) strobe_hls::ap_fatal("division", 0, 0, W2)

STROBE_HLS_INT_BINARY(+, plus, )
STROBE_HLS_INT_BINARY(-, minus, )
STROBE_HLS_INT_BINARY(*, mult, )
STROBE_HLS_INT_BINARY(&, logic, )
STROBE_HLS_INT_BINARY(|, logic, )
STROBE_HLS_INT_BINARY(^, logic, )
STROBE_HLS_INT_BINARY(/, div, STROBE_HLS_CHECK_DIVISOR)
STROBE_HLS_INT_BINARY(%, mod, STROBE_HLS_CHECK_DIVISOR)
#undef STROBE_HLS_INT_BINARY

#define STROBE_HLS_INT_FLOAT(op)                                                       \
  template <int W, bool S, class T, class F = typename strobe_hls::CFloat<T>::type>    \
  constexpr F operator op(const ap_int_base<W, S>& a, T b) {                           \
    return static_cast<F>(static_cast<typename ap_int_base<W, S>::RetType>(a)) op b;   \
  }                                                                                    \
  template <int W, bool S, class T, class F = typename strobe_hls::CFloat<T>::type>    \
  constexpr F operator op(T a, const ap_int_base<W, S>& b) {                           \
    return a op static_cast<F>(static_cast<typename ap_int_base<W, S>::RetType>(b));   \
  }
STROBE_HLS_INT_FLOAT(+)
STROBE_HLS_INT_FLOAT(-)
STROBE_HLS_INT_FLOAT(*)
STROBE_HLS_INT_FLOAT(/)
#undef STROBE_HLS_INT_FLOAT

#define STROBE_HLS_INT_COMPARE(op)                                                                                 \
  template <int W1, bool S1, int W2, bool S2>                                                                      \
  constexpr bool operator op(const ap_int_base<W1, S1>& a, const ap_int_base<W2, S2>& b) {                         \
    using C =                                                                                                      \
        strobe_hls::Carrier<strobe_hls::max_of(strobe_hls::signed_bits(W1, S1), strobe_hls::signed_bits(W2, S2))>; \
    return static_cast<C>(a.V) op static_cast<C>(b.V);                                                             \
  }                                                                                                                \
  template <int W1, bool S1, class T, int W2 = strobe_hls::CInt<T>::width>                                         \
  constexpr bool operator op(const ap_int_base<W1, S1>& a, T b) {                                                  \
    return a op ap_int_base<W2, strobe_hls::CInt<T>::is_signed != 0>(b);                                           \
  }                                                                                                                \
  template <int W1, bool S1, class T, int W2 = strobe_hls::CInt<T>::width>                                         \
  constexpr bool operator op(T a, const ap_int_base<W1, S1>& b) {                                                  \
    return ap_int_base<W2, strobe_hls::CInt<T>::is_signed != 0>(a) op b;                                           \
  }                                                                                                                \
  template <int W, bool S, class T, class F = typename strobe_hls::CFloat<T>::type>                                \
  constexpr bool operator op(const ap_int_base<W, S>& a, T b) {                                                    \
    return a.to_double() op static_cast<double>(b);                                                                \
  }                                                                                                                \
  template <int W, bool S, class T, class F = typename strobe_hls::CFloat<T>::type>                                \
  constexpr bool operator op(T a, const ap_int_base<W, S>& b) {                                                    \
    return static_cast<double>(a) op b.to_double();                                                                \
  }
STROBE_HLS_INT_COMPARE(==)
STROBE_HLS_INT_COMPARE(!=)
STROBE_HLS_INT_COMPARE(<)
STROBE_HLS_INT_COMPARE(>)
STROBE_HLS_INT_COMPARE(<=)
STROBE_HLS_INT_COMPARE(>=)
#undef STROBE_HLS_INT_COMPARE

namespace strobe_hls {
/// A shift count: any built-in or ap integer, clamped to what long long holds.
template <class T, int = CInt<T>::width>
constexpr long long shift_count(T n) {
  return n > T(0) && static_cast<unsigned long long>(n) > (1u << 30) ? (1ll << 30) : static_cast<long long>(n);
}
template <int W, bool S>
constexpr long long shift_count(const ap_int_base<W, S>& n) {
  return n < 0 ? (n < -(1 << 30) ? -(1ll << 30) : n.to_int64()) : (n > (1 << 30) ? (1ll << 30) : n.to_int64());
}
}  // namespace strobe_hls

#define STROBE_HLS_INT_SHIFT(op, sign)                                                                         \
  template <int W, bool S, int W2, bool S2>                                                                    \
  constexpr ap_int_base<W, S> operator op(const ap_int_base<W, S>& a, const ap_int_base<W2, S2>& n) {          \
    return ap_int_base<W, S>::from_raw(strobe_hls::shift_raw<W, S>(a.V, sign strobe_hls::shift_count(n)));     \
  }                                                                                                            \
  template <int W, bool S, class T, int = strobe_hls::CInt<T>::width>                                          \
  constexpr ap_int_base<W, S> operator op(const ap_int_base<W, S>& a, T n) {                                   \
    return ap_int_base<W, S>::from_raw(strobe_hls::shift_raw<W, S>(a.V, sign strobe_hls::shift_count(n)));     \
  }
STROBE_HLS_INT_SHIFT(<<, +)
STROBE_HLS_INT_SHIFT(>>, -)
#undef STROBE_HLS_INT_SHIFT

/// `a op= b` is `a = a op b`, wrapped to the type of a. An ap_fixed on the right is first truncated to an integer.
#define STROBE_HLS_INT_ASSIGN(op)                                                                      \
  template <int W, bool S, class T>                                                                    \
  constexpr auto operator op##=(ap_int_base<W, S>& a, const T& b)->decltype(a = a op b) {              \
    return a = a op b;                                                                                 \
  }
#define STROBE_HLS_INT_ASSIGN_FIXED(op)                                                                    \
  template <int W, bool S, int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2, int N2>                    \
  constexpr ap_int_base<W, S>& operator op##=(ap_int_base<W, S>& a,                                        \
                                              const ap_fixed_base<W2, I2, S2, Q2, O2, N2>& b) {            \
    return a = a op b.to_ap_int_base();                                                                    \
  }
STROBE_HLS_INT_ASSIGN(+)
STROBE_HLS_INT_ASSIGN(-)
STROBE_HLS_INT_ASSIGN(*)
STROBE_HLS_INT_ASSIGN(/)
STROBE_HLS_INT_ASSIGN(%)
STROBE_HLS_INT_ASSIGN(&)
STROBE_HLS_INT_ASSIGN(|)
STROBE_HLS_INT_ASSIGN(^)
STROBE_HLS_INT_ASSIGN(<<)
STROBE_HLS_INT_ASSIGN(>>)
STROBE_HLS_INT_ASSIGN_FIXED(+)
STROBE_HLS_INT_ASSIGN_FIXED(-)
STROBE_HLS_INT_ASSIGN_FIXED(*)
STROBE_HLS_INT_ASSIGN_FIXED(/)
STROBE_HLS_INT_ASSIGN_FIXED(&)
STROBE_HLS_INT_ASSIGN_FIXED(|)
STROBE_HLS_INT_ASSIGN_FIXED(^)
#undef STROBE_HLS_INT_ASSIGN
#undef STROBE_HLS_INT_ASSIGN_FIXED

using strobe_hls::operator,;
