#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/import/json_access.h"

namespace strobe::import {

/// Reads a QKeras quantiser from its dictionary (`class_name`, `config`) or its text ("quantized_relu(7,0)"); null
/// gives nullopt, and so does "linear", which quantises nothing. Every setting of the file is kept in `numbers` and
/// `texts` under its QKeras name, defaults filled in for those that shape the format.
///
/// The format is the one that hls4ml takes for the same quantiser: `quantized_bits(b,i)` is ap_fixed<b,i+1>, unsigned
/// <b,i> without negative values; `quantized_relu(b,i)` is ap_ufixed<b,i>, all with AP_RND_CONV and AP_SAT.
/// Errors: InvalidArgument, Unimplemented with the list of those supported.
absl::StatusOr<std::optional<UniformQuantizer>> parse_qkeras_quantizer(const Json& entry);

/// Whether this entry (text or dictionary) names a quantiser rather than a plain activation such as "relu".
bool is_qkeras_quantizer(const Json& entry);

/// The plain function that a quantiser applies before it rounds: "relu", "tanh", "hard_tanh", "linear", "binary_tanh".
std::string quantizer_activation(const UniformQuantizer& quantizer);

}  // namespace strobe::import
