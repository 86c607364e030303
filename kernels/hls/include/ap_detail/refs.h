#pragma once

#include "ap_detail/bits.h"

template <int W, bool S> struct ap_int_base;

/// References to bits, ranges and concatenations of ap values. Not for direct use: include ap_int.h or ap_fixed.h.
namespace strobe_hls {

/// Reports a bit or range outside the type, or a division by zero, and ends the simulation: hardware would give
/// garbage.
[[noreturn]] void ap_fatal(const char* what, int a, int b, int width);

/// Up to 64 bits from bit `lo` on, and their replacement by the low bits of `value`: what kernels do to memory words, far
/// faster than shifting all the words of a wide number. The bits lie within the number.
template <int N>
constexpr uint64_t read_word(const Wide<N>& v, int lo, int bits) {
  const int word = lo / 64, shift = lo % 64;
  const uint64_t low = v.w[word] >> shift;
  const uint64_t high = shift + bits > 64 ? v.w[word + 1 < N ? word + 1 : word] << (64 - shift) : 0;
  return (low | high) & (~uint64_t(0) >> (64 - bits));
}
template <int N>
constexpr Wide<N> write_word(const Wide<N>& v, int lo, int bits, uint64_t value) {
  const int word = lo / 64, shift = lo % 64;
  const uint64_t mask = ~uint64_t(0) >> (64 - bits);
  Wide<N> r = v;
  r.w[word] = (r.w[word] & ~(mask << shift)) | ((value & mask) << shift);
  if (shift + bits > 64 && word + 1 < N) {
    r.w[word + 1] = (r.w[word + 1] & ~(mask >> (64 - shift))) | ((value & mask) >> (64 - shift));
  }
  return r;
}
template <class T>
constexpr uint64_t read_word(const T&, int, int) { return 0; }
template <class T>
constexpr T write_word(const T& v, int, int, uint64_t) { return v; }

/// Whether a range of a type is read or written as one word: the type is wide, and its sign bit not among the bits.
template <int W, bool S>
constexpr bool is_word(int hi, int lo) { return W > 128 && hi >= lo && hi - lo < 64 && !(S && hi == W - 1); }

/// Reads bits hi..lo as an unsigned number; hi < lo reverses their order, as the vendor's range does.
template <int W, bool S>
constexpr Storage<W, false> read_bits(const Storage<W, S>& v, int hi, int lo) {
  using C = Carrier<W + 1>;
  if (hi < 0 || lo < 0 || hi >= W || lo >= W) ap_fatal("range", hi, lo, W);
  if (is_word<W, S>(hi, lo)) return Storage<W, false>(read_word(v, lo, hi - lo + 1));
  const C bits = static_cast<C>(wrap_to<W, false>(static_cast<C>(v)));
  if (hi >= lo) return wrap_to<W, false>(static_cast<C>((bits >> lo) & ones<C>(hi - lo + 1)));
  C r = C(0);
  for (int i = hi; i <= lo; ++i) {
    r = static_cast<C>(shift_left(r, 1) | C(bit_of(bits, i)));
  }
  return wrap_to<W, false>(r);
}

/// Replaces bits hi..lo by the low bits of `value`.
template <int W, bool S>
constexpr Storage<W, S> write_bits(const Storage<W, S>& v, int hi, int lo, const Storage<W, false>& value) {
  using C = Carrier<W + 1>;
  if (hi < 0 || lo < 0 || hi >= W || lo >= W) ap_fatal("range", hi, lo, W);
  if (is_word<W, S>(hi, lo)) return write_word(v, lo, hi - lo + 1, static_cast<uint64_t>(value));
  const int top = hi >= lo ? hi : lo, bottom = hi >= lo ? lo : hi;
  const C in = static_cast<C>(hi >= lo ? value : read_bits<W, false>(value, 0, top - bottom));
  const C mask = shift_left(ones<C>(top - bottom + 1), bottom);
  return wrap_to<W, S>(static_cast<C>((static_cast<C>(v) & static_cast<C>(~mask)) | (shift_left(in, bottom) & mask)));
}

/// One bit of a value of type T.
template <class T>
struct BitRef {
  T& owner;
  int index;

  constexpr operator bool() const { return owner.get_raw_bit(index); }
  constexpr bool to_bool() const { return owner.get_raw_bit(index); }
  constexpr bool operator~() const { return !to_bool(); }
  constexpr bool get() const { return to_bool(); }
  constexpr int length() const { return 1; }
  constexpr BitRef& operator=(bool b) {
    owner.set_raw_bit(index, b);
    return *this;
  }
  constexpr BitRef& operator=(const BitRef& o) { return *this = o.to_bool(); }
  template <class U>
  constexpr BitRef& operator=(const BitRef<U>& o) { return *this = o.to_bool(); }
  constexpr BitRef(T& t, int i) : owner(t), index(i) {}
  constexpr BitRef(const BitRef&) = default;
};

/// Bits hi..lo of a value of type T, read as ap_uint of T's width.
template <class T>
struct RangeRef {
  T& owner;
  int hi;
  int lo;
  static constexpr int width = T::width;
  using Value = ap_int_base<width, false>;

  constexpr RangeRef(T& t, int h, int l) : owner(t), hi(h), lo(l) {}
  constexpr RangeRef(const RangeRef&) = default;
  constexpr Value get() const { return owner.get_raw_range(hi, lo); }
  constexpr operator Value() const { return get(); }
  constexpr operator unsigned long long() const { return get().to_uint64(); }
  constexpr int length() const { return hi >= lo ? hi - lo + 1 : lo - hi + 1; }
  constexpr int to_int() const { return get().to_int(); }
  constexpr unsigned to_uint() const { return get().to_uint(); }
  constexpr long to_long() const { return get().to_long(); }
  constexpr unsigned long to_ulong() const { return get().to_ulong(); }
  constexpr long long to_int64() const { return get().to_int64(); }
  constexpr unsigned long long to_uint64() const { return get().to_uint64(); }
  constexpr double to_double() const { return get().to_double(); }
  constexpr bool and_reduce() const { return get() == Value(~Value(0)).get_raw_range(length() - 1, 0); }
  constexpr bool or_reduce() const { return !get().is_zero(); }
  constexpr bool xor_reduce() const { return get().xor_reduce(); }
  constexpr bool nand_reduce() const { return !and_reduce(); }
  constexpr bool nor_reduce() const { return !or_reduce(); }
  constexpr bool xnor_reduce() const { return !xor_reduce(); }

  constexpr void set(const Value& v) { owner.set_raw_range(hi, lo, v); }
  template <class U>
  constexpr RangeRef& operator=(const U& v) {
    set(Value(v));
    return *this;
  }
  constexpr RangeRef& operator=(const RangeRef& o) {
    set(Value(o.get()));
    return *this;
  }
};

/// What a concatenation keeps of its parts: ap values by reference, references by value.
template <class T> struct PartOf;
template <int W, bool S> struct PartOf<ap_int_base<W, S>> {
  using type = ap_int_base<W, S>&;
  enum { width = W };
};
template <class T> struct PartOf<BitRef<T>> {
  using type = BitRef<T>;
  enum { width = 1 };
};
template <class T> struct PartOf<RangeRef<T>> {
  using type = RangeRef<T>;
  enum { width = T::width };
};

/// `(a, b)`: the bits of `a` above those of `b`. Readable as ap_uint; assignable when its parts are.
template <class A, class B>
struct ConcatRef {
  typename PartOf<A>::type a;
  typename PartOf<B>::type b;
  enum { width = static_cast<int>(PartOf<A>::width) + static_cast<int>(PartOf<B>::width) };
  using Value = ap_int_base<width, false>;

  constexpr ConcatRef(typename PartOf<A>::type x, typename PartOf<B>::type y) : a(x), b(y) {}
  constexpr ConcatRef(const ConcatRef&) = default;
  constexpr int length() const { return a.length() + b.length(); }
  constexpr Value get() const {
    const ap_int_base<PartOf<A>::width, false> high(a.get());
    const ap_int_base<PartOf<B>::width, false> low(b.get());
    return Value((Value(high) << b.length()) | Value(low));
  }
  constexpr operator Value() const { return get(); }
  constexpr operator unsigned long long() const { return get().to_uint64(); }
  constexpr int to_int() const { return get().to_int(); }
  constexpr unsigned long long to_uint64() const { return get().to_uint64(); }
  constexpr void set(const Value& v) {
    assign_part(a, Value(v >> b.length()));
    assign_part(b, Value(v.get_raw_range(b.length() - 1, 0)));
  }
  template <class U>
  constexpr ConcatRef& operator=(const U& v) {
    set(Value(v));
    return *this;
  }
  constexpr ConcatRef& operator=(const ConcatRef& o) {
    set(Value(o.get()));
    return *this;
  }

 private:
  template <int W, bool S>
  static constexpr void assign_part(ap_int_base<W, S>& part, const Value& v) { part = v; }
  template <class T>
  static constexpr void assign_part(BitRef<T>& part, const Value& v) { part = v.get_raw_bit(0); }
  template <class T>
  static constexpr void assign_part(T& part, const Value& v) { part.set(typename T::Value(v)); }
};
template <class A, class B> struct PartOf<ConcatRef<A, B>> {
  using type = ConcatRef<A, B>;
  enum { width = ConcatRef<A, B>::width };
};

/// The comma of two ap integers or references concatenates them. Parts may be const: they are then only read.
template <class A, class B, class PA = typename PartOf<A>::type, class PB = typename PartOf<B>::type>
constexpr ConcatRef<A, B> operator,(const A& a, const B& b) {
  return ConcatRef<A, B>(const_cast<A&>(a), const_cast<B&>(b));
}

/// The values behind references, for the operators that mix them with numbers.
template <class T> struct RefValue;
template <class T> struct RefValue<RangeRef<T>> { using type = typename RangeRef<T>::Value; };
template <class A, class B> struct RefValue<ConcatRef<A, B>> { using type = typename ConcatRef<A, B>::Value; };
template <class T> struct IsRef { enum { value = 0 }; };
template <class T> struct IsRef<RangeRef<T>> { enum { value = 1 }; };
template <class A, class B> struct IsRef<ConcatRef<A, B>> { enum { value = 1 }; };
template <class T, bool Ref> struct Unref { using type = const T&; };
template <class T> struct Unref<T, true> { using type = typename RefValue<T>::type; };
template <class T>
using unref = typename Unref<T, IsRef<T>::value != 0>::type;
template <bool B> struct EnableIf {};
template <> struct EnableIf<true> { using type = int; };

#define STROBE_HLS_REF_OPERATOR(op)                                                                 \
  template <class A, class B, typename EnableIf<IsRef<A>::value || IsRef<B>::value>::type = 0>      \
  constexpr auto operator op(const A& a, const B& b)->decltype(static_cast<unref<A>>(a) op static_cast<unref<B>>(b)) { \
    return static_cast<unref<A>>(a) op static_cast<unref<B>>(b);                                    \
  }
STROBE_HLS_REF_OPERATOR(+)
STROBE_HLS_REF_OPERATOR(-)
STROBE_HLS_REF_OPERATOR(*)
STROBE_HLS_REF_OPERATOR(/)
STROBE_HLS_REF_OPERATOR(%)
STROBE_HLS_REF_OPERATOR(&)
STROBE_HLS_REF_OPERATOR(|)
STROBE_HLS_REF_OPERATOR(^)
STROBE_HLS_REF_OPERATOR(<<)
STROBE_HLS_REF_OPERATOR(>>)
STROBE_HLS_REF_OPERATOR(==)
STROBE_HLS_REF_OPERATOR(!=)
STROBE_HLS_REF_OPERATOR(<)
STROBE_HLS_REF_OPERATOR(>)
STROBE_HLS_REF_OPERATOR(<=)
STROBE_HLS_REF_OPERATOR(>=)
#undef STROBE_HLS_REF_OPERATOR

}  // namespace strobe_hls
