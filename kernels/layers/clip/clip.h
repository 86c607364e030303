#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// y = min(max(slope x + shift, low), high), each a constant of one value: hard sigmoid, hard tanh, relu6.
extern const Layer kClipLayer;

}  // namespace strobe::layers
