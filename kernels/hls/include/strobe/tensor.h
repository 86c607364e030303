#pragma once

#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"
#include "strobe/pragma.h"

namespace strobe {

/// One event's values of one tensor, as they travel in a stream.
template <class T, int Size>
struct event {
  T data[Size];
};

/// Takes the next event out of a stream.
template <class T, int Size>
void take(hls::stream<event<T, Size>>& events, T values[Size]) {
  const event<T, Size> next = events.read();
  STROBE_LOOP(elements) for (int i = 0; i < Size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    values[i] = next.data[i];
  }
}

/// Appends an event to a stream.
template <class T, int Size>
void give(const T values[Size], hls::stream<event<T, Size>>& events) {
  event<T, Size> next;
  STROBE_LOOP(elements) for (int i = 0; i < Size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    next.data[i] = values[i];
  }
  events.write(next);
}

/// Copies a tensor.
template <int Size, class T>
void copy(const T values[Size], T other[Size]) {
  STROBE_LOOP(elements) for (int i = 0; i < Size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    other[i] = values[i];
  }
}

/// Copies a tensor for two readers: a dataflow channel has one.
template <int Size, class T>
void duplicate(const T values[Size], T first[Size], T second[Size]) {
  STROBE_LOOP(elements) for (int i = 0; i < Size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    first[i] = values[i];
    second[i] = values[i];
  }
}

/// The number whose bits are the low ones of a container.
template <class T, int Bits>
T from_container(const ap_uint<Bits>& container) {
  static_assert(T::width <= Bits, "from_container: the number is wider than its container");
  T value;
  value.range(T::width - 1, 0) = container.range(T::width - 1, 0);
  return value;
}

/// A number's bits as a whole number: the value times 2^fraction.
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
ap_int<W> to_raw(const ap_fixed<W, I, Q, O, N>& value) {
  ap_int<W> bits;
  bits.range(W - 1, 0) = value.range(W - 1, 0);
  return bits;
}
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
ap_uint<W> to_raw(const ap_ufixed<W, I, Q, O, N>& value) {
  ap_uint<W> bits;
  bits.range(W - 1, 0) = value.range(W - 1, 0);
  return bits;
}

/// The number of that raw value: for constants with more digits than a double has.
template <class T>
T from_raw(long long raw) {
  const ap_int<64> bits = raw;
  T value;
  value.range(T::width - 1, 0) = bits.range(T::width - 1, 0);
  return value;
}

/// A number's bits, sign-extended to a container.
template <int Bits, class T>
ap_uint<Bits> to_container(const T& value) {
  static_assert(T::width <= Bits, "to_container: the number is wider than its container");
  return ap_uint<Bits>(ap_int<Bits>(to_raw(value)));
}

/// Unpacks a row of containers that hold one type.
template <class T, int Size, int Bits>
void unpack(const ap_uint<Bits> row[Size], T values[Size]) {
  STROBE_LOOP(elements) for (int i = 0; i < Size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    values[i] = from_container<T>(row[i]);
  }
}

/// Packs numbers of one type into a row of containers.
template <class T, int Size, int Bits>
void pack(const T values[Size], ap_uint<Bits> row[Size]) {
  STROBE_LOOP(elements) for (int i = 0; i < Size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    row[i] = to_container<Bits>(values[i]);
  }
}

}  // namespace strobe
