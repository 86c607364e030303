#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y = 1 for x >= config::threshold(), else -1.
template <class config, class x_t, class y_t>
void binary_sign(const x_t x[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    const typename config::inner_t d = x[i];
    y[i] = d < config::threshold() ? y_t(-1) : y_t(1);
  }
}

/// With d = config::factor() x converted to `inner_t`: y = 1 for d > threshold, 0 for d > -threshold, else -1.
template <class config, class x_t, class y_t>
void ternary_sign(const x_t x[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    const typename config::inner_t d = x[i] * config::factor();
    y[i] = d > config::threshold() ? y_t(1) : d > -config::threshold() ? y_t(0) : y_t(-1);
  }
}

}  // namespace strobe
