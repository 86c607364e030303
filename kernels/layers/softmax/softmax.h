#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// Softmax over the attribute "axis" (the last unless given) in fixed point. Attribute "implementation":
///
/// "stable": d_i = max_j x_j - x_i (+ the constant "norm_offset" of one value, where given) converted to the type
/// "inp_norm"; e_i = exp_table[top bits of d_i]; s = sum of the e_i as a balanced tree in the type "accum"; q = s
/// converted to "inv_inp"; y_i = e_i inv_table[top bits of q], converted to the output type. "latency": the same
/// without the subtraction; exp_table is addressed by the top bits of x_i itself. "legacy": s_i = 1 + sum_{j != i}
/// exp_table[clamp(trunc((x_j - x_i) N / 16) + N / 2)], added in the type "accum" in the order of j; y_i =
/// inv_table[clamp(trunc(s_i M / 64))]. "argmax": 1 for the first largest x_i, else 0.
///
/// Constants "exp_table" [N] (entries in "accum") and "inv_table" [M], N and M powers of two. "Top bits" of a W-bit
/// value are its two's complement pattern shifted right by W - log2 N (left, where W is smaller). A balanced tree of n
/// terms splits into the largest power of two below n, and the rest.
extern const Layer kSoftmaxLayer;

}  // namespace strobe::layers
