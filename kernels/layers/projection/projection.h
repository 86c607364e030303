#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// y_j = sum over i upwards of x_i w_ij, from 0, the sum converted to the output's type after each addition (the
/// product before it is exact). What the oblique splits of a forest compare; conifer's order and conversions. One axis
/// in, one out. Constant "weight" [outputs, inputs]; weights of zero are left out.
extern const Layer kProjectionLayer;

}  // namespace strobe::layers
