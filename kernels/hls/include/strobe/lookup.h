#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// Bits of a signed number that holds `value`.
constexpr int signed_width(long long value) {
  return value == 0 || value == -1 ? 1 : 1 + signed_width(value >= 0 ? value / 2 : -((1 - value) / 2));
}

/// clamp(trunc(x * Numerator / Denominator) + offset, 0, size - 1), truncated towards zero; Denominator is positive.
template <long long Numerator, long long Denominator, class x_t>
int scaled_index(const x_t& x, int offset, int size) {
  static constexpr int fraction = x_t::width - x_t::iwidth;
  static constexpr int up = fraction < 0 ? -fraction : 0;
  static constexpr int down = fraction > 0 ? fraction : 0;
  typedef ap_int<x_t::width + 1 + signed_width(Numerator) + up> product_t;
  typedef ap_int<signed_width(Denominator) + down> divisor_t;
  const product_t product = product_t(to_raw(x)) * ap_int<signed_width(Numerator)>(Numerator) << up;
  const divisor_t divisor = divisor_t(Denominator) << down;
  const ap_int<(product_t::width > 32 ? product_t::width : 32) + 2> index = product / divisor + offset;
  if (index < 0) return 0;
  if (index > size - 1) return size - 1;
  return index.to_int();
}

/// The top `AddressBits` of a number's bits; zeros below where it has fewer.
template <int AddressBits, class x_t>
int top_bits(const x_t& x) {
  static constexpr int up = AddressBits > x_t::width ? AddressBits - x_t::width : 0;
  static constexpr int down = AddressBits < x_t::width ? x_t::width - AddressBits : 0;
  const ap_uint<x_t::width + up> pattern = x.range(x_t::width - 1, 0);
  return ap_uint<x_t::width + up>((pattern << up) >> down).to_int();
}

}  // namespace strobe
