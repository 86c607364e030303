#pragma once

#include <optional>

#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// Fills every open type by strobe's own rules, used when no configuration is given. Nothing can overflow: integer bits
/// come from interval analysis with the weights as their types hold them, and every rounding is counted in.
///
/// - inputs: `input_type`, or kDefaultInputType (quantise.h);
/// - weights trained with a quantiser keep its type; others get `weight_bits`, 16 unless given (biases, scales and
///   parameters 2 more), integer bits from the largest value, rounded;
/// - sums are exact; a result that is not read by an activation alone keeps at most 12 fraction bits, rounded;
/// - a result with the setting "result_is_given" keeps its type;
/// - activations trained with a quantiser keep its type; others get 12 fraction bits, rounded;
/// - sigmoid, tanh and their like: tables of 4096 entries; softplus and softsign: in pieces (function_pieces.h), within
///   2^-8 whatever the input; softmax: strobe's own (softmax_tables.h), in ap_ufixed<16,1>.
void infer_native(TypedModel& model, const std::optional<FixedType>& input_type,
                  std::optional<int> weight_bits = std::nullopt);

}  // namespace strobe::quantise
