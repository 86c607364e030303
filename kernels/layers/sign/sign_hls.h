#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y = 1 for x >= threshold, else -1. Thresholds hold one value, or one for each channel or element.
template <class config, class x_t, class threshold_t, class y_t>
void binary_sign(const x_t x[config::size], const threshold_t threshold[config::threshold_size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = x[i] < threshold[i % config::threshold_size] ? y_t(-1) : y_t(1);
  }
}

/// With d = config::factor() x converted to `inner_t`: y = 1 for d > high, 0 for d > low, else -1.
template <class config, class x_t, class high_t, class low_t, class y_t>
void ternary_sign(const x_t x[config::size], const high_t high[config::high_size], const low_t low[config::low_size],
                  y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    const typename config::inner_t d = x[i] * config::factor();
    y[i] = d > high[i % config::high_size] ? y_t(1) : d > low[i % config::low_size] ? y_t(0) : y_t(-1);
  }
}

}  // namespace strobe
