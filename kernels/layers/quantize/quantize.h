#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// y = x converted to the output type, element by element: input quantisers, linear activations.
extern const Layer kQuantizeLayer;

}  // namespace strobe::layers
