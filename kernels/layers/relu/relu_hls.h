#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y = max(x, 0).
template <class config, class x_t, class y_t>
void relu(const x_t x[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = x[i] > 0 ? y_t(x[i]) : y_t(0);
  }
}

/// y = min(max(x, 0), highest). `highest` holds one value, or one an element.
template <class config, class x_t, class highest_t, class y_t>
void relu(const x_t x[config::size], const highest_t highest[config::highest_size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    const highest_t limit = highest[i % config::highest_size];
    if (x[i] > 0) {
      y[i] = x[i] < limit ? y_t(x[i]) : y_t(limit);
    } else {
      y[i] = limit < 0 ? y_t(limit) : y_t(0);
    }
  }
}

}  // namespace strobe
