#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y_j = sum over i upwards of x_i w_ji; the sum is a y_t after each addition.
template <class config, class x_t, class weight_t, class y_t>
void projection(const x_t x[config::n_in], const weight_t weight[config::n_out * config::n_in], y_t y[config::n_out]) {
  STROBE_PRAGMA(HLS pipeline II=1)
  STROBE_PRAGMA(HLS array_partition variable=weight complete)
  STROBE_LOOP(outputs) for (int j = 0; j < config::n_out; ++j) {
    STROBE_PRAGMA(HLS unroll)
    y_t sum = 0;
    STROBE_LOOP(inputs) for (int i = 0; i < config::n_in; ++i) {
      STROBE_PRAGMA(HLS unroll)
      const weight_t w = weight[j * config::n_in + i];
      if (w != 0) sum = sum + x[i] * w;
    }
    y[j] = sum;
  }
}

}  // namespace strobe
