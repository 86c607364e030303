#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// y = x for x >= 0, else alpha x (exact product). Constant "alpha": one value, one a channel (last axis) or one an
/// element.
extern const Layer kLeakyReluLayer;

}  // namespace strobe::layers
