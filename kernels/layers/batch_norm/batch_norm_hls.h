#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y = scale x + bias. Scale and bias hold one value, one for each channel (the last axis), or one for each element.
template <class config, class x_t, class scale_t, class bias_t, class y_t>
void batch_norm(const x_t x[config::size], const scale_t scale[config::scale_size], const bias_t bias[config::bias_size],
                y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = x[i] * scale[i % config::scale_size] + bias[i % config::bias_size];
  }
}

}  // namespace strobe
