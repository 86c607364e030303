#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// Inputs joined along attribute "axis" (batch axis not counted), each value converted to the output type.
extern const Layer kConcatenateLayer;

}  // namespace strobe::layers
