#pragma once

#include "strobe/lookup.h"

namespace strobe {

/// y = table[clamp(trunc(x numerator / denominator) + offset, 0, table_size - 1)], truncated towards zero.
template <class config, class x_t, class table_t, class y_t>
void table(const x_t x[config::size], const table_t entries[config::table_size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    y[i] = entries[scaled_index<config::numerator, config::denominator>(x[i], config::offset, config::table_size)];
  }
}

/// The same times config::negative_scale() for x < 0, and config::positive_scale() x otherwise.
template <class config, class x_t, class table_t, class y_t>
void table_below_zero(const x_t x[config::size], const table_t entries[config::table_size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    const int index = scaled_index<config::numerator, config::denominator>(x[i], config::offset, config::table_size);
    y[i] = x[i] >= 0 ? y_t(x[i] * config::positive_scale()) : y_t(entries[index] * config::negative_scale());
  }
}

/// The table times config::negative_scale() everywhere.
template <class config, class x_t, class table_t, class y_t>
void scaled_table(const x_t x[config::size], const table_t entries[config::table_size], y_t y[config::size]) {
  STROBE_LOOP(elements) for (int i = 0; i < config::size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    const int index = scaled_index<config::numerator, config::denominator>(x[i], config::offset, config::table_size);
    y[i] = entries[index] * config::negative_scale();
  }
}

}  // namespace strobe
