#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"

namespace strobe::import {

/// An einsum of events with a constant kernel, as a dense layer. Any such einsum is a matrix on the flattened event;
/// where it works along the last axis only, alike for all positions ("bnc,cC->bnC"), the kernel is that matrix as it
/// stands.
struct EinsumPlan {
  std::vector<int64_t> kernel, bias, output;  ///< shapes; bias is empty where there is none
  bool last_axis = true;
  /// Otherwise: where each element of the matrix [inputs, outputs] and of the bias [outputs] comes from; -1 is zero.
  std::vector<int64_t> kernel_source, bias_source;
  int64_t flat_inputs = 0, flat_outputs = 0;
};

/// Reads a Keras EinsumDense equation. `input` and `declared` (Keras' `output_shape`) leave out the batch axis.
/// Errors: InvalidArgument; Unimplemented for what a constant matrix cannot do or one of more than 2^24 elements.
absl::StatusOr<EinsumPlan> plan_einsum(const std::string& equation, const std::string& bias_axes,
                                       const std::vector<int64_t>& input, const std::vector<int64_t>& declared);

/// Rearranges a dense layer's arrays and quantisers for the flattened event. `layer` has what its file has.
void flatten_einsum(const EinsumPlan& plan, const std::vector<int64_t>& input, FloatLayer* layer);

}  // namespace strobe::import
