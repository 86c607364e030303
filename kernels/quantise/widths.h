#pragma once

#include "absl/status/status.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

inline constexpr int kMinWeightBits = 2, kMaxWeightBits = 32;
/// Biases, scales and parameters have so many bits more than weights.
inline constexpr int kParameterExtraBits = 2;

/// The type of `bits` bits for some weights: integer bits from the largest value, rounded, saturating.
FixedType weight_type(const import::Array& values, int bits);

/// Errors: InvalidArgument beyond kMinWeightBits..kMaxWeightBits.
absl::Status check_weight_bits(int bits);

/// Gives every weight that was not trained with a quantiser `bits` bits, and biases and scales kParameterExtraBits
/// more.
void set_weight_bits(TypedModel& model, int bits);

/// Gives every output that type: where its layer rounds anyway, as that layer's result (setting "result_is_given"),
/// else by a conversion behind it. The outputs keep their names.
void set_score_type(TypedModel& model, const FixedType& type);

}  // namespace strobe::quantise
