#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// y_j = bias_j + sum_i x_i w_ij over the last axis, the same for every leading index.
/// Constants "weight" [n_in, n_out], optional "bias" [n_out]. With the attribute "accum" (a type) each product is
/// converted to it before it is added, the sum starts at the converted bias, runs over i upwards, and is converted
/// after each addition; without it the sum is exact. One conversion to the output type. Attributes "reuse_factor" and
/// "strategy" change no bit, nor does "ebops", effective bit operations that the model's own tool defines by its
/// trained widths.
extern const Layer kDenseLayer;

}  // namespace strobe::layers
