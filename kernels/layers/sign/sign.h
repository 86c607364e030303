#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// Binary and ternary steps; their constants have one value, one a channel (last axis) or one an element.
/// mode "binary": +1 for x >= threshold, else -1. mode "ternary": +1 for d > high, -1 for d <= low, else 0, where d is
/// "factor" (an integer attribute, 1 unless given) times x, converted to the type "inner" where that attribute is given
/// (hls4ml doubles in the input type, where it may wrap).
extern const Layer kSignLayer;

}  // namespace strobe::layers
