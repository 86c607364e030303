#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// A function of one variable by table: y = table[clamp(trunc(x numerator / denominator) + offset)], truncated towards
/// zero. Constant "table" [N]; attributes "scale_numerator" (may be negative), "scale_denominator" (> 0), "offset".
/// Attribute "positive" says what happens to x >= 0: "" the table too, "identity" y = x, "scaled" y = positive_scale x.
/// Optional constants of one value: "positive_scale", and "negative_scale", a factor on the entries of the table.
extern const Layer kTableLayer;

}  // namespace strobe::layers
