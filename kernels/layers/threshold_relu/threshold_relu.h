#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// y = x for x > theta, else 0. Constant "theta": one value.
extern const Layer kThresholdReluLayer;

}  // namespace strobe::layers
