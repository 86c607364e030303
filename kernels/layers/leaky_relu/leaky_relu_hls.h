#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y = x for x >= 0, else alpha x. `alpha` holds one value, one for each channel (the last axis), or one for each element.
template <class config, class x_t, class alpha_t, class y_t>
void leaky_relu(const x_t x[config::size], const alpha_t alpha[config::alpha_size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = x[i] >= 0 ? y_t(x[i]) : y_t(x[i] * alpha[i % config::alpha_size]);
  }
}

}  // namespace strobe
