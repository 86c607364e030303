#pragma once

#include "ap_int.h"

/// Fixed-point numbers by the vendor's names: `ap_fixed<W, I, Q, O, N>` and `ap_ufixed<...>`.
///
/// W bits, I of them before the binary point (the sign included); the value is raw * 2^-(W - I). I may be negative or
/// exceed W. Q rounds and O limits on every conversion to the type, N is the count of saturated bits of AP_WRAP.
///
/// Result types (UG1399, "C++ Arbitrary Precision Fixed-Point Types"), with F = W - I, where an unsigned operand beside
/// a signed one counts one integer bit more:
///   a + b   I = max(I1, I2) + 1, F = max(F1, F2), signed if either is      a - b   the same, always signed
///   a * b   W = W1 + W2, I = I1 + I2, signed if either is
///   a / b   W = W1 + max(F2, 0) + S2, I = I1 + F2 + S2, signed if either is; the quotient truncates towards zero
///   a & b, a | b, a ^ b   I = max(I1, I2), F = max(F1, F2), signed if either is
///   -a      W + 1, I + 1, signed       ~a, a << n, a >> n   the type of a: shifts lose bits and do not round
/// Results truncate and wrap by default; being exact they do neither until assigned. ap_int and built-in integers
/// count as fixed-point numbers without fraction. There is no % and, as with the vendor, no arithmetic with a double:
/// convert it first. Comparison is exact, with a double it compares to_double().
/// Conversion to an integer (to_int, ap_int) truncates towards zero. Division by zero ends the simulation.
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
using ap_fixed = ap_fixed_base<W, I, true, Q, O, N>;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
using ap_ufixed = ap_fixed_base<W, I, false, Q, O, N>;

namespace strobe_hls {

/// An exact result: the default modes.
template <int W, int I, bool S>
using Exact = ap_fixed_base<W, I, S, AP_TRN, AP_WRAP, 0>;

/// Types of results, by operator.
template <int W1, int I1, bool S1, int W2, int I2, bool S2>
struct FixedResult {
  enum : int {
    kF1 = W1 - I1,
    kF2 = W2 - I2,
    kF = max_of(kF1, kF2),
    kI = max_of(I1 + (S2 && !S1), I2 + (S1 && !S2)),
    kDivW = W1 + S2 + max_of(kF2, 0),
    kDivI = I1 + S2 + kF2
  };
  using plus = Exact<kI + 1 + kF, kI + 1, S1 || S2>;
  using minus = Exact<kI + 1 + kF, kI + 1, true>;
  using mult = Exact<W1 + W2, I1 + I2, S1 || S2>;
  using div = Exact<kDivW, kDivI, S1 || S2>;
  using logic = Exact<kI + kF, kI, S1 || S2>;
  using arg1 = Exact<W1, I1, S1>;
};

}  // namespace strobe_hls

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
struct ap_fixed_base {
  static_assert(W >= 1, "ap_fixed: the width must be at least 1");
  static_assert(N >= 0, "ap_fixed: the number of saturated bits must not be negative");
  static_assert(S || O != AP_WRAP_SM, "ap_ufixed: sign-magnitude wrap (AP_WRAP_SM) needs a signed type");
  static constexpr int width = W;
  static constexpr int iwidth = I;
  static constexpr ap_q_mode qmode = Q;
  static constexpr ap_o_mode omode = O;
  static constexpr bool sign_flag = S;
  using Raw = strobe_hls::Storage<W, S>;
  template <int W2, int I2, bool S2>
  using RType = strobe_hls::FixedResult<W, I, S, W2, I2, S2>;

  /// The bits, sign- or zero-extended. Whoever writes it keeps them so.
  Raw V;

  constexpr ap_fixed_base() : V() {}
  template <int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2, int N2>
  constexpr ap_fixed_base(const ap_fixed_base<W2, I2, S2, Q2, O2, N2>& o)
      : V(strobe_hls::convert<W, S, W - I, Q, O, N, W2, S2, W2 - I2>(o.V)) {}
  template <int W2, bool S2>
  constexpr ap_fixed_base(const ap_int_base<W2, S2>& o)
      : V(strobe_hls::convert<W, S, W - I, Q, O, N, W2, S2, 0>(o.V)) {}
  template <class T, int W2 = strobe_hls::CInt<T>::width>
  constexpr ap_fixed_base(T v)
      : V(strobe_hls::convert<W, S, W - I, Q, O, N, W2, strobe_hls::CInt<T>::is_signed != 0, 0>(
            static_cast<strobe_hls::Storage<W2, strobe_hls::CInt<T>::is_signed != 0>>(v))) {}
  constexpr ap_fixed_base(double d) : V(strobe_hls::convert_double<W, S, W - I, Q, O, N>(d)) {}
  constexpr ap_fixed_base(float d) : ap_fixed_base(static_cast<double>(d)) {}
  template <class T>
  constexpr ap_fixed_base(const strobe_hls::BitRef<T>& r) : ap_fixed_base(r.to_bool()) {}
  template <class T>
  constexpr ap_fixed_base(const strobe_hls::RangeRef<T>& r) : ap_fixed_base(r.get()) {}
  template <class A, class B>
  constexpr ap_fixed_base(const strobe_hls::ConcatRef<A, B>& r) : ap_fixed_base(r.get()) {}
  /// A number such as "-1.75", "0x1.cp0" or "0b101.01", exact before it is rounded by Q and limited by O. Radix 0
  /// takes the base from the prefix.
  explicit ap_fixed_base(const char* text, int radix = 0);

  static constexpr ap_fixed_base from_raw(const Raw& v) {
    ap_fixed_base r;
    r.V = v;
    return r;
  }

  /// The integer part, truncated towards zero.
  constexpr ap_int_base<strobe_hls::max_of(I, 1), S> to_ap_int_base() const {
    return ap_int_base<strobe_hls::max_of(I, 1), S>(*this);
  }
  constexpr char to_char() const { return to_ap_int_base().to_char(); }
  constexpr int to_int() const { return to_ap_int_base().to_int(); }
  constexpr unsigned to_uint() const { return to_ap_int_base().to_uint(); }
  constexpr long to_long() const { return to_ap_int_base().to_long(); }
  constexpr unsigned long to_ulong() const { return to_ap_int_base().to_ulong(); }
  constexpr long long to_int64() const { return to_ap_int_base().to_int64(); }
  constexpr unsigned long long to_uint64() const { return to_ap_int_base().to_uint64(); }
  /// The nearest double; exact up to 53 significant bits.
  constexpr double to_double() const { return strobe_hls::raw_to_double(V, W - I); }
  constexpr float to_float() const { return static_cast<float>(to_double()); }
  constexpr operator double() const { return to_double(); }
  constexpr operator float() const { return to_float(); }
  constexpr operator bool() const { return !is_zero(); }
  template <class T, int = strobe_hls::CInt<T>::width>
  constexpr operator T() const {
    return strobe_hls::CInt<T>::is_signed ? static_cast<T>(to_int64()) : static_cast<T>(to_uint64());
  }
  unsigned long long bits_to_uint64() const { return static_cast<unsigned long long>(V); }
  constexpr ap_fixed_base& setBits(unsigned long long bits) {
    V = strobe_hls::wrap_to<W, S>(bits);
    return *this;
  }
  static constexpr ap_fixed_base bitsToFixed(unsigned long long bits) { return ap_fixed_base().setBits(bits); }

  constexpr int length() const { return W; }
  constexpr int wl() const { return W; }
  constexpr int iwl() const { return I; }
  constexpr ap_q_mode q_mode() const { return Q; }
  constexpr ap_o_mode o_mode() const { return O; }
  constexpr int n_bits() const { return N; }
  constexpr bool is_zero() const { return V == Raw(0); }
  constexpr bool is_neg() const { return S && get_raw_bit(W - 1); }
  constexpr bool operator!() const { return is_zero(); }

  constexpr ap_fixed_base operator+() const { return *this; }
  constexpr strobe_hls::Exact<W + 1, I + 1, true> operator-() const {
    using R = strobe_hls::Exact<W + 1, I + 1, true>;
    using C = strobe_hls::Carrier<W + 2>;
    return R::from_raw(strobe_hls::wrap_to<W + 1, true>(static_cast<C>(-static_cast<C>(V))));
  }
  constexpr strobe_hls::Exact<W, I, S> operator~() const {
    using C = strobe_hls::Carrier<strobe_hls::signed_bits(W, S)>;
    return strobe_hls::Exact<W, I, S>::from_raw(strobe_hls::wrap_to<W, S>(static_cast<C>(~static_cast<C>(V))));
  }
  /// Adds 1, rounded and limited like every assignment.
  constexpr ap_fixed_base& operator++() { return *this = *this + ap_int_base<1, false>(1); }
  constexpr ap_fixed_base& operator--() { return *this = *this - ap_int_base<1, false>(1); }
  constexpr ap_fixed_base operator++(int) {
    const ap_fixed_base before = *this;
    ++*this;
    return before;
  }
  constexpr ap_fixed_base operator--(int) {
    const ap_fixed_base before = *this;
    --*this;
    return before;
  }

  /// Bits of the raw value, 0 the lowest. An index outside 0..W-1 ends the simulation with a message.
  constexpr bool get_raw_bit(int i) const {
    if (i < 0 || i >= W) strobe_hls::ap_fatal("bit", i, i, W);
    return strobe_hls::bit_of(V, i);
  }
  constexpr void set_raw_bit(int i, bool b) { set_raw_range(i, i, ap_int_base<W, false>(b)); }
  constexpr ap_int_base<W, false> get_raw_range(int hi, int lo) const {
    return ap_int_base<W, false>::from_raw(strobe_hls::read_bits<W, S>(V, hi, lo));
  }
  constexpr void set_raw_range(int hi, int lo, const ap_int_base<W, false>& v) {
    V = strobe_hls::write_bits<W, S>(V, hi, lo, v.V);
  }

  using Bit = strobe_hls::BitRef<ap_fixed_base>;
  using Range = strobe_hls::RangeRef<ap_fixed_base>;
  using ConstRange = strobe_hls::RangeRef<const ap_fixed_base>;
  constexpr Bit operator[](int i) { return Bit(*this, i); }
  constexpr bool operator[](int i) const { return get_raw_bit(i); }
  constexpr Bit bit(int i) { return Bit(*this, i); }
  constexpr bool bit(int i) const { return get_raw_bit(i); }
  /// The bit of weight 2^i.
  constexpr bool get_bit(int i) const { return get_raw_bit(i + W - I); }
  constexpr Range range(int hi, int lo) { return Range(*this, hi, lo); }
  constexpr ConstRange range(int hi, int lo) const { return ConstRange(*this, hi, lo); }
  constexpr Range range() { return Range(*this, W - 1, 0); }
  constexpr ConstRange range() const { return ConstRange(*this, W - 1, 0); }
  constexpr Range operator()(int hi, int lo) { return Range(*this, hi, lo); }
  constexpr ConstRange operator()(int hi, int lo) const { return ConstRange(*this, hi, lo); }
  constexpr int countLeadingZeros() const { return get_raw_range(W - 1, 0).countLeadingZeros(); }

  /// Exact digits with their prefix (0b, 0o, 0x; none in base 10). Without a sign a negative number shows its two's
  /// complement; base 2 always does.
  std::string to_string(int radix = 2, bool with_sign = S) const {
    return strobe_hls::number_to_string(static_cast<strobe_hls::TextNumber>(V), W, I, radix, with_sign);
  }
};

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
ap_fixed_base<W, I, S, Q, O, N>::ap_fixed_base(const char* text, int radix)
    : V(strobe_hls::convert<W, S, W - I, Q, O, N, 4096, true, W - I + 2>(
          strobe_hls::TextReader(text, radix).scaled(W - I + 1))) {}

/// Prints the nearest double.
template <class Traits, int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& os,
                                             const ap_fixed_base<W, I, S, Q, O, N>& v) {
  return os << v.to_double();
}

#include "ap_detail/fixed_operators.h"
