#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// Places one of several joined tensors: `Block` neighbours go to each run of `config::stride` of y, from `offset` on.
template <class config, int Block, class x_t, class y_t>
void place(const x_t x[config::runs * Block], int offset, y_t y[config::runs * config::stride]) {
  STROBE_LOOP(runs) for (int run = 0; run < config::runs; ++run) {
    STROBE_PRAGMA(HLS unroll)
    STROBE_LOOP(neighbours) for (int i = 0; i < Block; ++i) {
      STROBE_PRAGMA(HLS unroll)
      y[run * config::stride + offset + i] = x[run * Block + i];
    }
  }
}

}  // namespace strobe
