#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y_i = x_source(i): wires only.
template <class config, class x_t, class y_t>
void transpose(const x_t x[config::size], const int source[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = x[source[i]];
  }
}

}  // namespace strobe
