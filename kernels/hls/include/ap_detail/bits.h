#pragma once

#include "ap_detail/wide.h"

/// What the ap types are made of: which built-in integer holds a width, and the few bit operations on it. Not for
/// direct use: include ap_int.h or ap_fixed.h.
///
/// A value of W bits is kept sign- or zero-extended in its `Storage`, the smallest built-in integer up to 128 bits,
/// words above. Arithmetic happens in a `Carrier`, a signed integer wide enough for the exact result, so that the
/// compiler sees plain machine operations. There are few carriers, whatever the number of ap types: that keeps compile
/// times low.
namespace strobe_hls {

constexpr int max_of(int a, int b) { return a > b ? a : b; }
constexpr int min_of(int a, int b) { return a < b ? a : b; }

/// Bits of a signed integer that holds every value of W bits.
constexpr int signed_bits(int w, bool s) { return w + (s ? 0 : 1); }

constexpr int carrier_kind(int bits) { return bits <= 32 ? 0 : bits <= 64 ? 1 : bits <= 128 ? 2 : (bits + 63) / 64; }
template <int Kind> struct CarrierOf { using type = Wide<Kind>; };
template <> struct CarrierOf<0> { using type = int32_t; };
template <> struct CarrierOf<1> { using type = int64_t; };
template <> struct CarrierOf<2> { using type = int128; };
/// The signed integer in which `Bits` bits are computed.
template <int Bits>
using Carrier = typename CarrierOf<carrier_kind(Bits)>::type;

constexpr int storage_kind(int w, bool s) {
  return w <= 8 ? -8 : w <= 16 ? -16 : w <= 32 ? -32 : w <= 64 ? -64 : w <= 128 ? -128 : (signed_bits(w, s) + 63) / 64;
}
template <int Kind, bool S> struct StorageOf { using type = Wide<Kind>; };
template <> struct StorageOf<-8, true> { using type = int8_t; };
template <> struct StorageOf<-8, false> { using type = uint8_t; };
template <> struct StorageOf<-16, true> { using type = int16_t; };
template <> struct StorageOf<-16, false> { using type = uint16_t; };
template <> struct StorageOf<-32, true> { using type = int32_t; };
template <> struct StorageOf<-32, false> { using type = uint32_t; };
template <> struct StorageOf<-64, true> { using type = int64_t; };
template <> struct StorageOf<-64, false> { using type = uint64_t; };
template <> struct StorageOf<-128, true> { using type = int128; };
template <> struct StorageOf<-128, false> { using type = uint128; };
/// What a value of W bits is kept in.
template <int W, bool S>
using Storage = typename StorageOf<storage_kind(W, S), S>::type;

/// Keeps the low W bits of a carrier and extends them: what every wrapping assignment does.
template <int Words> struct Wrapper {
  template <int W, bool S, class C>
  static constexpr Wide<Words> to(const C& c) {
    constexpr int kSpare = 64 * Words - W;
    Wide<Words> r = Wide<Words>(c) << kSpare >> kSpare;
    for (int i = W; !S && i < 64 * Words; ++i) r.w[i / 64] &= ~(uint64_t(1) << (i % 64));
    return r;
  }
};
template <class U, class I> struct NativeWrapper {
  template <int W, bool S, class C>
  static constexpr Storage<W, S> to(const C& c) {
    constexpr int kSpare = static_cast<int>(8 * sizeof(U)) - W;
    return S ? static_cast<Storage<W, S>>(static_cast<I>(static_cast<U>(c) << kSpare) >> kSpare)
             : static_cast<Storage<W, S>>(static_cast<U>(static_cast<U>(c) << kSpare) >> kSpare);
  }
};
template <> struct Wrapper<-8> : NativeWrapper<uint32_t, int32_t> {};
template <> struct Wrapper<-16> : NativeWrapper<uint32_t, int32_t> {};
template <> struct Wrapper<-32> : NativeWrapper<uint32_t, int32_t> {};
template <> struct Wrapper<-64> : NativeWrapper<uint64_t, int64_t> {};
template <> struct Wrapper<-128> : NativeWrapper<uint128, int128> {};

template <int W, bool S, class C>
constexpr Storage<W, S> wrap_to(const C& c) {
  return Wrapper<storage_kind(W, S)>::template to<W, S>(c);
}

/// The unsigned integer of the same size: shifts left without undefined behaviour.
template <class C> struct UnsignedOf { using type = C; };
template <> struct UnsignedOf<int8_t> { using type = uint8_t; };
template <> struct UnsignedOf<int16_t> { using type = uint16_t; };
template <> struct UnsignedOf<int32_t> { using type = uint32_t; };
template <> struct UnsignedOf<int64_t> { using type = uint64_t; };
template <> struct UnsignedOf<int128> { using type = uint128; };

/// `c * 2^n` modulo the carrier; `n` less than its bits.
template <class C>
constexpr C shift_left(const C& c, int n) {
  return static_cast<C>(static_cast<typename UnsignedOf<C>::type>(c) << n);
}

template <class C>
constexpr bool bit_of(const C& c, int i) { return ((c >> i) & 1) != 0; }
template <int N>
constexpr bool bit_of(const Wide<N>& c, int i) { return c.bit(i); }

/// Whether any of the low `n` bits is set; `n` less than the carrier's bits.
template <class C>
constexpr bool any_below(const C& c, int n) {
  return static_cast<C>(c & static_cast<C>(shift_left(C(1), n) - C(1))) != C(0);
}

/// 2^n - 1; `n` less than the carrier's bits.
template <class C>
constexpr C ones(int n) { return static_cast<C>(~shift_left(static_cast<C>(~C(0)), n)); }

constexpr double pow2(int n) {
  double r = 1, base = n < 0 ? 0.5 : 2.0;
  for (int k = n < 0 ? -n : n; k > 0; k >>= 1, base *= (k > 0 ? base : 1)) {
    if (k & 1) r *= base;
  }
  return r;
}

/// Built-in integers that mix with ap types, with the width the vendor gives them.
template <class T> struct CInt;
template <> struct CInt<bool> { enum { width = 1, is_signed = 0 }; using type = bool; };
template <> struct CInt<char> { enum { width = 8, is_signed = (char(-1) < char(0)) }; using type = char; };
template <> struct CInt<signed char> { enum { width = 8, is_signed = 1 }; using type = signed char; };
template <> struct CInt<unsigned char> { enum { width = 8, is_signed = 0 }; using type = unsigned char; };
template <> struct CInt<short> { enum { width = 16, is_signed = 1 }; using type = short; };
template <> struct CInt<unsigned short> { enum { width = 16, is_signed = 0 }; using type = unsigned short; };
template <> struct CInt<int> { enum { width = 32, is_signed = 1 }; using type = int; };
template <> struct CInt<unsigned> { enum { width = 32, is_signed = 0 }; using type = unsigned; };
template <> struct CInt<long> { enum { width = 8 * sizeof(long), is_signed = 1 }; using type = long; };
template <> struct CInt<unsigned long> {
  enum { width = 8 * sizeof(long), is_signed = 0 };
  using type = unsigned long;
};
template <> struct CInt<long long> { enum { width = 64, is_signed = 1 }; using type = long long; };
template <> struct CInt<unsigned long long> { enum { width = 64, is_signed = 0 }; using type = unsigned long long; };

/// Built-in floating-point types.
template <class T> struct CFloat;
template <> struct CFloat<float> { using type = float; };
template <> struct CFloat<double> { using type = double; };

}  // namespace strobe_hls
