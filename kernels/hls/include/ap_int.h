#pragma once

#include <stdio.h>
#include <stdlib.h>

#include <string>

#include "ap_detail/convert.h"
#include "ap_detail/refs.h"

/// Arbitrary-precision integers by the vendor's names: `ap_int<W>` and `ap_uint<W>`, 1 to 1024 bits and more.
///
/// Result types (UG1399, "C++ Arbitrary Precision Types"), for operands of widths W1, W2 and signedness S1, S2, where
/// an unsigned operand beside a signed one counts one bit more:
///   a + b   max(W1, W2) + 1, signed if either is          a & b, a | b, a ^ b   max(W1, W2), signed if either is
///   a - b   max(W1, W2) + 1, always signed                a << n, a >> n, ~a    the type of a
///   a * b   W1 + W2, signed if either is                  -a                    W1 + 1, signed
///   a / b   W1 + S2, signed if either is (towards zero)   a % b                 min(W1, W2), sign of a
/// A built-in integer counts as the ap type of its width (bool as 1 bit); with a double the result is a double.
/// Assignment wraps; from a double or an ap_fixed it truncates towards zero first. A negative shift count shifts the
/// other way. Division by zero and bits outside the type end the simulation with a message.
///
/// A value starts as 0. On a card the vendor's own header takes this one's place.
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N> struct ap_fixed_base;
template <int W>
using ap_int = ap_int_base<W, true>;
template <int W>
using ap_uint = ap_int_base<W, false>;

namespace strobe_hls {

[[noreturn]] inline void ap_fatal(const char* what, int a, int b, int width) {
  fprintf(stderr, "ap_int: %s (%d, %d) of a number of %d bits: outside the number, or a division by zero\n", what, a, b,
          width);
  abort();
}

/// Widths and signs of results, by operator.
template <int W1, bool S1, int W2, bool S2>
struct IntResult {
  enum : int { kCommon = max_of(W1 + (S2 && !S1), W2 + (S1 && !S2)) };
  using plus = ap_int_base<kCommon + 1, S1 || S2>;
  using minus = ap_int_base<kCommon + 1, true>;
  using mult = ap_int_base<W1 + W2, S1 || S2>;
  using div = ap_int_base<W1 + S2, S1 || S2>;
  using mod = ap_int_base<min_of(W1, W2 + (!S2 && S1)), S1>;
  using logic = ap_int_base<kCommon, S1 || S2>;
  using arg1 = ap_int_base<W1, S1>;
};

/// `v << n` (>> for a negative n) within the type of `v`, whatever n.
template <int W, bool S>
constexpr Storage<W, S> shift_raw(const Storage<W, S>& v, long long n) {
  using C = Carrier<signed_bits(W, S)>;
  const C c = static_cast<C>(v);
  if (n >= W) return Storage<W, S>(0);
  if (n >= 0) return wrap_to<W, S>(shift_left(c, static_cast<int>(n)));
  return wrap_to<W, S>(n > -W ? static_cast<C>(c >> static_cast<int>(-n)) : c < C(0) ? C(-1) : C(0));
}

/// The value of a storage times 2^-f, to the nearest double.
template <class T>
constexpr double raw_to_double(const T& v, int f) { return static_cast<double>(v) * pow2(-f); }
template <int M>
double raw_to_double(const Wide<M>& v, int f) {
  const bool negative = v.negative();
  const Wide<M> size = negative ? -v : v;
  int top = 64 * M - 1;
  while (top > 0 && !size.bit(top)) --top;
  // 64 leading bits, the last one sticky, round once on their way into 53.
  const int drop = top > 63 ? top - 63 : 0;
  uint64_t lead = static_cast<uint64_t>(size >> drop);
  if (drop > 0 && any_below(size, drop)) lead |= 1;
  const double r = __builtin_ldexp(static_cast<double>(lead), drop - f);
  return negative ? -r : r;
}

}  // namespace strobe_hls

template <int W, bool S>
struct ap_int_base {
  static_assert(W >= 1, "ap_int: the width must be at least 1");
  static constexpr int width = W;
  static constexpr bool sign_flag = S;
  using Raw = strobe_hls::Storage<W, S>;
  /// The built-in integer of implicit conversions: 64 bits, as the vendor has it.
  using RetType = typename strobe_hls::StorageOf<-64, S>::type;
  template <int W2, bool S2>
  using RType = strobe_hls::IntResult<W, S, W2, S2>;

  /// The bits, sign- or zero-extended. Whoever writes it keeps them so.
  Raw V;

  constexpr ap_int_base() : V() {}
  template <int W2, bool S2>
  constexpr ap_int_base(const ap_int_base<W2, S2>& o)
      : V(strobe_hls::convert<W, S, 0, AP_TRN, AP_WRAP, 0, W2, S2, 0>(o.V)) {}
  template <class T, int W2 = strobe_hls::CInt<T>::width>
  constexpr ap_int_base(T v)
      : V(strobe_hls::convert<W, S, 0, AP_TRN, AP_WRAP, 0, W2, strobe_hls::CInt<T>::is_signed != 0, 0>(
            static_cast<strobe_hls::Storage<W2, strobe_hls::CInt<T>::is_signed != 0>>(v))) {}
  constexpr ap_int_base(double d) : V(strobe_hls::convert_double<W, S, 0, AP_TRN_ZERO, AP_WRAP, 0>(d)) {}
  constexpr ap_int_base(float d) : ap_int_base(static_cast<double>(d)) {}
  template <int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2, int N2>
  constexpr ap_int_base(const ap_fixed_base<W2, I2, S2, Q2, O2, N2>& o)
      : V(strobe_hls::convert<W, S, 0, AP_TRN_ZERO, AP_WRAP, 0, W2, S2, W2 - I2>(o.V)) {}
  template <class T>
  constexpr ap_int_base(const strobe_hls::BitRef<T>& r) : ap_int_base(r.to_bool()) {}
  template <class T>
  constexpr ap_int_base(const strobe_hls::RangeRef<T>& r) : ap_int_base(r.get()) {}
  template <class A, class B>
  constexpr ap_int_base(const strobe_hls::ConcatRef<A, B>& r) : ap_int_base(r.get()) {}
  /// Digits in base 2, 8, 10 or 16; base 0 takes it from the prefix 0b, 0o or 0x, 10 without one.
  /// Anything else ends the simulation with a message.
  explicit ap_int_base(const char* text, int radix = 0);

  static constexpr ap_int_base from_raw(const Raw& v) {
    ap_int_base r;
    r.V = v;
    return r;
  }

  constexpr operator RetType() const { return static_cast<RetType>(V); }
  constexpr bool to_bool() const { return !is_zero(); }
  constexpr char to_char() const { return static_cast<char>(V); }
  constexpr signed char to_schar() const { return static_cast<signed char>(V); }
  constexpr unsigned char to_uchar() const { return static_cast<unsigned char>(V); }
  constexpr short to_short() const { return static_cast<short>(V); }
  constexpr unsigned short to_ushort() const { return static_cast<unsigned short>(V); }
  constexpr int to_int() const { return static_cast<int>(V); }
  constexpr unsigned to_uint() const { return static_cast<unsigned>(V); }
  constexpr long to_long() const { return static_cast<long>(V); }
  constexpr unsigned long to_ulong() const { return static_cast<unsigned long>(V); }
  constexpr long long to_int64() const { return static_cast<long long>(V); }
  constexpr unsigned long long to_uint64() const { return static_cast<unsigned long long>(V); }
  constexpr double to_double() const { return strobe_hls::raw_to_double(V, 0); }
  constexpr float to_float() const { return static_cast<float>(to_double()); }

  constexpr int length() const { return W; }
  constexpr bool is_zero() const { return V == Raw(0); }
  constexpr bool iszero() const { return is_zero(); }
  constexpr bool sign() const { return S && get_raw_bit(W - 1); }
  constexpr bool operator!() const { return is_zero(); }

  constexpr ap_int_base operator+() const { return *this; }
  constexpr typename RType<1, false>::minus operator-() const { return ap_int_base<1, false>() - *this; }
  constexpr ap_int_base operator~() const {
    using C = strobe_hls::Carrier<strobe_hls::signed_bits(W, S)>;
    return from_raw(strobe_hls::wrap_to<W, S>(static_cast<C>(~static_cast<C>(V))));
  }
  constexpr ap_int_base& operator++() { return *this = *this + ap_int_base<1, false>(1); }
  constexpr ap_int_base& operator--() { return *this = *this - ap_int_base<1, false>(1); }
  constexpr ap_int_base operator++(int) {
    const ap_int_base before = *this;
    ++*this;
    return before;
  }
  constexpr ap_int_base operator--(int) {
    const ap_int_base before = *this;
    --*this;
    return before;
  }

  /// Bits. An index outside 0..W-1 ends the simulation with a message.
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
  constexpr ap_int_base& get() { return *this; }
  constexpr const ap_int_base& get() const { return *this; }

  using Bit = strobe_hls::BitRef<ap_int_base>;
  using Range = strobe_hls::RangeRef<ap_int_base>;
  using ConstRange = strobe_hls::RangeRef<const ap_int_base>;
  constexpr Bit operator[](int i) { return Bit(*this, i); }
  constexpr bool operator[](int i) const { return get_raw_bit(i); }
  constexpr Bit bit(int i) { return Bit(*this, i); }
  constexpr bool bit(int i) const { return get_raw_bit(i); }
  constexpr bool get_bit(int i) const { return get_raw_bit(i); }
  constexpr void set_bit(int i, bool b) { set_raw_bit(i, b); }
  constexpr Range range(int hi, int lo) { return Range(*this, hi, lo); }
  constexpr ConstRange range(int hi, int lo) const { return ConstRange(*this, hi, lo); }
  constexpr Range range() { return Range(*this, W - 1, 0); }
  constexpr ConstRange range() const { return ConstRange(*this, W - 1, 0); }
  constexpr Range operator()(int hi, int lo) { return Range(*this, hi, lo); }
  constexpr ConstRange operator()(int hi, int lo) const { return ConstRange(*this, hi, lo); }
  template <int W2, bool S2>
  constexpr strobe_hls::ConcatRef<ap_int_base, ap_int_base<W2, S2>> concat(const ap_int_base<W2, S2>& low) const {
    return strobe_hls::operator,(*this, low);
  }

  constexpr bool test(int i) const { return get_raw_bit(i); }
  constexpr void set(int i) { set_raw_bit(i, true); }
  constexpr void set(int i, bool b) { set_raw_bit(i, b); }
  constexpr void clear(int i) { set_raw_bit(i, false); }
  constexpr void invert(int i) { set_raw_bit(i, !get_raw_bit(i)); }
  constexpr void b_not() { *this = ~*this; }
  constexpr ap_int_base& reverse() { return *this = get_raw_range(0, W - 1); }
  constexpr ap_int_base& lrotate(int n) {
    if (n < 0 || n >= W) strobe_hls::ap_fatal("rotation", n, n, W);
    const ap_int_base<W, false> u(*this);
    return *this = (u << n) | (u >> (W - n));
  }
  constexpr ap_int_base& rrotate(int n) {
    if (n < 0 || n >= W) strobe_hls::ap_fatal("rotation", n, n, W);
    return n == 0 ? *this : lrotate(W - n);
  }
  constexpr int countLeadingZeros() const {
    int n = 0;
    while (n < W && !get_raw_bit(W - 1 - n)) ++n;
    return n;
  }
  constexpr bool and_reduce() const { return ap_int_base<W, false>(~*this).is_zero(); }
  constexpr bool or_reduce() const { return !is_zero(); }
  constexpr bool xor_reduce() const {
    bool r = false;
    for (int i = 0; i < W; ++i) r = r != get_raw_bit(i);
    return r;
  }
  constexpr bool nand_reduce() const { return !and_reduce(); }
  constexpr bool nor_reduce() const { return !or_reduce(); }
  constexpr bool xnor_reduce() const { return !xor_reduce(); }

  /// Digits with their prefix (0b, 0o, 0x; none in base 10). Without a sign a negative number shows its two's
  /// complement; base 2 always does.
  std::string to_string(int radix = 2, bool with_sign = S) const;
};

#include "ap_detail/int_operators.h"
#include "ap_detail/text.h"
