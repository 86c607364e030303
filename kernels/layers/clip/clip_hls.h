#pragma once

#include "strobe/tensor.h"

namespace strobe {

/// y = min(max(slope x + shift, low), high). The constants are members of `config`; line_t holds the line exactly.
template <class config, class x_t, class y_t>
void clip(const x_t x[config::size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    const typename config::line_t line = x[i] * config::slope() + config::shift();
    const bool below = line < config::low();
    const y_t raised = below ? y_t(config::low()) : y_t(line);
    y[i] = (below ? config::low() > config::high() : line > config::high()) ? y_t(config::high()) : raised;
  }
}

}  // namespace strobe
