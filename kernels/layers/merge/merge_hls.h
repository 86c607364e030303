#pragma once

#include "strobe/tensor.h"

namespace strobe {

struct addition {
  template <class y_t, class a_t, class b_t>
  static y_t combine(const a_t& a, const b_t& b) {
    return a + b;
  }
};

struct subtraction {
  template <class y_t, class a_t, class b_t>
  static y_t combine(const a_t& a, const b_t& b) {
    return a - b;
  }
};

struct multiplication {
  template <class y_t, class a_t, class b_t>
  static y_t combine(const a_t& a, const b_t& b) {
    return a * b;
  }
};

struct larger {
  template <class y_t, class a_t, class b_t>
  static y_t combine(const a_t& a, const b_t& b) {
    return a < b ? y_t(b) : y_t(a);
  }
};

struct smaller {
  template <class y_t, class a_t, class b_t>
  static y_t combine(const a_t& a, const b_t& b) {
    return b < a ? y_t(b) : y_t(a);
  }
};

/// y_i = operation of a_i and b_i. A tensor of one element serves every i.
template <class config, class operation, int ASize, int BSize, class a_t, class b_t, class y_t>
void merge(const a_t a[ASize], const b_t b[BSize], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = operation::template combine<y_t>(a[i % ASize], b[i % BSize]);
  }
}

/// x / count, truncated towards zero on a grid `coarser` bits above the last bit of `config::quotient_t`. x lies on the
/// grid `config::more_bits` above that, so the shifts lose nothing.
template <class config, class x_t>
typename config::quotient_t quotient(const x_t& x, int coarser) {
  typedef ap_int<config::quotient_t::width> whole_t;
  const int count = config::count;
  const whole_t scaled = (whole_t(to_raw(x)) << config::up) >> coarser;
  const whole_t whole = whole_t((scaled << config::more_bits) / count) << coarser;
  typename config::quotient_t result;
  result.range(config::quotient_t::width - 1, 0) = whole.range(config::quotient_t::width - 1, 0);
  return result;
}

/// y_i = x_i / count, all on one grid.
template <class config, class x_t, class y_t>
void divide(const x_t x[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = quotient<config>(x[i], 0);
  }
}

/// y_i = x_i / count, each on its own grid.
template <class config, class x_t, class y_t>
void divide(const x_t x[config::size], const int coarser[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = quotient<config>(x[i], coarser[i]);
  }
}

}  // namespace strobe
