#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_arithmetic.h"
#include "kernels/import/float_reference.h"

/// What single layers compute in floating point.
namespace strobe::import::float_arithmetic {

/// Values on their way through a layer.
struct Values {
  Shape shape;
  std::vector<float> data;
  bool is_constant = false;
};

Values copy(const FloatStep& step);

/// What a layer's own arithmetic makes of its inputs, without the quantisers around it and a dense layer's activation.
/// Errors: InvalidArgument where shapes do not fit, Unimplemented for a kind that it does not know.
absl::StatusOr<Values> compute(const FloatLayer& layer, const std::vector<const FloatStep*>& in, size_t rows);

/// Applies a function, then the quantiser that it was trained with. A binary or ternary quantiser is the function
/// itself.
absl::Status activate(const FloatLayer& layer, const std::string& function, const Quantizer* behind, Values& values);

/// A layer's quantiser of that role; null where it has none.
const Quantizer* quantizer_of(const FloatLayer& layer, std::string_view which);
bool is_hgq_layer(const FloatLayer& layer);

}  // namespace strobe::import::float_arithmetic
