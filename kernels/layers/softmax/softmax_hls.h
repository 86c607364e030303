#pragma once

#include "strobe/lookup.h"

/// Softmax over one axis: `n` values that lie `inner` apart, for each of `outer * inner` slices.
///
/// `config`: outer, n, inner; accum_t; exp_bits and inv_bits, the logarithms of the tables' sizes; norm_t (an exact distance
/// converts to it) and norm_offset(); inv_inp_t.
namespace strobe {

/// Sum of a balanced tree, each addition in accum_t: the largest power of two below n on the left, the rest on the right.
template <class accum_t, int n>
struct balanced_sum {
  static constexpr int half(int left) { return 2 * left < n ? half(2 * left) : left; }
  template <class term_t>
  static accum_t of(const term_t* terms) {
    static constexpr int left = half(1);
    return accum_t(balanced_sum<accum_t, left>::of(terms) + balanced_sum<accum_t, n - left>::of(terms + left));
  }
};
template <class accum_t>
struct balanced_sum<accum_t, 1> {
  template <class term_t>
  static accum_t of(const term_t* terms) {
    return accum_t(terms[0]);
  }
};

/// y_i = e_i times the tabulated inverse of the sum of all e.
template <class config, class exp_t, class inv_t, class y_t>
void normalise(const exp_t e[config::n], const inv_t inv_table[1 << config::inv_bits], y_t* y) {
  const typename config::inv_inp_t sum = balanced_sum<typename config::accum_t, config::n>::of(e);
  const inv_t inverse = inv_table[top_bits<config::inv_bits>(sum)];
  STROBE_LOOP(products) for (int i = 0; i < config::n; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i * config::inner] = e[i] * inverse;
  }
}

/// Exponentials of the distances to the largest value: wide inputs cannot overflow.
struct stable_softmax {
  template <class config, class x_t, class exp_t, class inv_t, class y_t>
  static void slice(const x_t* x, const exp_t* exp_table, const inv_t* inv_table, y_t* y) {
    x_t largest = x[0];
    STROBE_LOOP(maximum) for (int i = 1; i < config::n; ++i) {
      STROBE_PRAGMA(HLS unroll)
      if (x[i * config::inner] > largest) largest = x[i * config::inner];
    }
    exp_t e[config::n];
    STROBE_LOOP(exponentials) for (int i = 0; i < config::n; ++i) {
      STROBE_PRAGMA(HLS unroll)
      const typename config::norm_t distance = largest - x[i * config::inner] + config::norm_offset();
      e[i] = exp_table[top_bits<config::exp_bits>(distance)];
    }
    normalise<config>(e, inv_table, y);
  }
};

/// Exponentials of the values themselves: shorter, for inputs of a small range.
struct latency_softmax {
  template <class config, class x_t, class exp_t, class inv_t, class y_t>
  static void slice(const x_t* x, const exp_t* exp_table, const inv_t* inv_table, y_t* y) {
    exp_t e[config::n];
    STROBE_LOOP(exponentials) for (int i = 0; i < config::n; ++i) {
      STROBE_PRAGMA(HLS unroll)
      e[i] = exp_table[top_bits<config::exp_bits>(x[i * config::inner])];
    }
    normalise<config>(e, inv_table, y);
  }
};

/// y_i = 1 / sum_j exp(x_j - x_i), the exponentials over -8..8 and the inverse over 0..64.
struct legacy_softmax {
  template <class config, class x_t, class exp_t, class inv_t, class y_t>
  static void slice(const x_t* x, const exp_t* exp_table, const inv_t* inv_table, y_t* y) {
    typedef typename config::accum_t accum_t;
    static constexpr int exp_size = 1 << config::exp_bits;
    static constexpr int inv_size = 1 << config::inv_bits;
    STROBE_LOOP(values) for (int i = 0; i < config::n; ++i) {
      STROBE_PRAGMA(HLS unroll)
      accum_t sum = 0;
      STROBE_LOOP(terms) for (int j = 0; j < config::n; ++j) {
        STROBE_PRAGMA(HLS unroll)
        const int index = scaled_index<exp_size, 16>(x[j * config::inner] - x[i * config::inner], exp_size / 2, exp_size);
        sum += i == j ? accum_t(1) : accum_t(exp_table[index]);
      }
      y[i * config::inner] = inv_table[scaled_index<inv_size, 64>(sum, 0, inv_size)];
    }
  }
};

template <class config, class method, class x_t, class exp_t, class inv_t, class y_t>
void softmax(const x_t x[config::outer * config::n * config::inner], const exp_t exp_table[1 << config::exp_bits],
             const inv_t inv_table[1 << config::inv_bits], y_t y[config::outer * config::n * config::inner]) {
  STROBE_LOOP(outer) for (int o = 0; o < config::outer; ++o) {
    STROBE_PRAGMA(HLS unroll)
    STROBE_LOOP(inner) for (int k = 0; k < config::inner; ++k) {
      STROBE_PRAGMA(HLS unroll)
      const int first = o * config::n * config::inner + k;
      method::template slice<config>(x + first, exp_table, inv_table, y + first);
    }
  }
}

/// 1 for the first largest value, else 0.
template <class config, class x_t, class y_t>
void argmax(const x_t x[config::outer * config::n * config::inner], y_t y[config::outer * config::n * config::inner]) {
  STROBE_LOOP(outer) for (int o = 0; o < config::outer; ++o) {
    STROBE_PRAGMA(HLS unroll)
    STROBE_LOOP(inner) for (int k = 0; k < config::inner; ++k) {
      STROBE_PRAGMA(HLS unroll)
      const int first = o * config::n * config::inner + k;
      int best = 0;
      STROBE_LOOP(maximum) for (int i = 1; i < config::n; ++i) {
        STROBE_PRAGMA(HLS unroll)
        if (x[first + i * config::inner] > x[first + best * config::inner]) best = i;
      }
      STROBE_LOOP(values) for (int i = 0; i < config::n; ++i) {
        STROBE_PRAGMA(HLS unroll)
        y[first + i * config::inner] = i == best ? y_t(1) : y_t(0);
      }
    }
  }
}

}  // namespace strobe
