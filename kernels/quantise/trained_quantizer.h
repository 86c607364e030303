#pragma once

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/model/fixed_type.h"

namespace strobe::quantise {

/// Values that a trained quantiser leaves of some weights, and the type that holds them exactly.
struct TrainedWeights {
  import::Array values;
  model::FixedType type;
};

/// Applies QKeras' quantized_bits, binary and ternary and the older BinaryDense and TernaryDense to weights.
/// Errors: Unimplemented for a quantiser whose scale depends on the weights (alpha "auto", "auto_po2").
absl::StatusOr<TrainedWeights> apply_trained_quantizer(const import::UniformQuantizer& quantizer,
                                                       const import::Array& weights);

}  // namespace strobe::quantise
