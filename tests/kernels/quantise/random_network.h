#pragma once

#include <cstdint>
#include <string>

#include "kernels/import/float_model.h"

namespace strobe::testing {

enum class Style {
  kFloat,   ///< plain floating point
  kQKeras,  ///< quantisers on weights and activations
  kHgq,     ///< a format for each element
};

/// A network of random layers, extents, weights and quantisers: what a seed gives is always the same.
import::FloatModel random_network(uint64_t seed, Style style);

/// A configuration in hls4ml's vocabulary with random widths, rounding and overflow; the model's precision may be
/// "auto".
std::string random_config(uint64_t seed);

}  // namespace strobe::testing
