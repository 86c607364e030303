#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// Elementwise layers of two or more inputs: exact result, one conversion. Inputs have the output's shape, or one
/// element. average divides the exact sum by the number of inputs and truncates towards zero at the sum's finest grid
/// with one more bit per halving (exact for 2, 4, 8... inputs).
extern const Layer kAddLayer;
extern const Layer kSubtractLayer;
extern const Layer kMultiplyLayer;
extern const Layer kMaximumLayer;
extern const Layer kMinimumLayer;
extern const Layer kAverageLayer;

}  // namespace strobe::layers
