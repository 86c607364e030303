#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// y = max(x, 0), bounded by the constant "max_value" where there is one.
extern const Layer kReluLayer;

}  // namespace strobe::layers
