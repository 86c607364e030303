#pragma once

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/model/fixed_type.h"

namespace strobe::quantise {

/// Values that a trained quantiser leaves of some weights, and the type that holds them exactly.
struct TrainedWeights {
  import::Array values;
  model::FixedType type;
  std::vector<double> scale;  ///< of each output channel, still to be applied; empty: none
};

/// Applies QKeras' quantized_bits, binary and ternary and the older BinaryDense and TernaryDense to weights.
/// quantized_bits with alpha "auto" or "auto_po2" leaves a scale.
/// Errors: Unimplemented for any other quantiser with a scale.
absl::StatusOr<TrainedWeights> apply_trained_quantizer(const import::UniformQuantizer& quantizer,
                                                       const import::Array& weights);

}  // namespace strobe::quantise
