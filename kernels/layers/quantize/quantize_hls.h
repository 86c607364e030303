#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// Converts each element to the type of y.
template <class config, class x_t, class y_t>
void quantize(const x_t x[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = x[i];
  }
}

}  // namespace strobe
