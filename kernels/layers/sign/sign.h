#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// Binary and ternary steps.
/// mode "binary": +1 for x >= threshold, else -1. mode "ternary": +1 for d > t, 0 for d > -t, else -1, where d is
/// "factor" (an integer attribute, 1 unless given) times x, converted to the type "inner" where that attribute is given
/// (hls4ml doubles in the input type, where it may wrap). Constant "threshold": one value.
extern const Layer kSignLayer;

}  // namespace strobe::layers
