#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// The same elements in row-major order under another shape; flatten too.
extern const Layer kReshapeLayer;

}  // namespace strobe::layers
