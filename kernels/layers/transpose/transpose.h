#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// Axes reordered: output axis a is input axis permutation[a] (batch axis not counted).
extern const Layer kTransposeLayer;

/// For each output element (row-major) the input element it comes from.
std::vector<int64_t> transposed_sources(const model::Shape& in, const std::vector<int64_t>& permutation);

}  // namespace strobe::layers
