#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y = x above config::theta(), else 0.
template <class config, class x_t, class y_t>
void threshold_relu(const x_t x[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = x[i] > config::theta() ? y_t(x[i]) : y_t(0);
  }
}

}  // namespace strobe
