#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// y = scale x + bias, exact, then one conversion. Constants of one value, one a channel (last axis) or one an element.
extern const Layer kBatchNormLayer;

}  // namespace strobe::layers
