#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"

/// Parts of the floating-point evaluation (float_reference.h).
namespace strobe::import::float_arithmetic {

using Shape = std::vector<int64_t>;

int64_t elements(const Shape& shape);
std::string shape_text(const Shape& shape);  ///< "[16, 4]"

/// For each element of `to`, the element of an array of shape `from` that numpy's broadcasting puts there; leading
/// extents of 1 that `to` lacks (a batch axis) are dropped. Errors: InvalidArgument.
absl::StatusOr<std::vector<size_t>> broadcast(const Shape& from, const Shape& to);
/// The shape that two shapes broadcast to. Errors: InvalidArgument.
absl::StatusOr<Shape> broadcast_shape(const Shape& a, const Shape& b);

/// Passes values through a trained quantiser, in place: `values` holds rows of `shape`.
/// Errors: Unimplemented for a quantiser of powers of two, or whose scale depends on the values (but that of a dense
/// kernel, auto_scale.h); InvalidArgument where
/// its arrays do not fit.
absl::Status quantise(const Quantizer& quantizer, const Shape& shape, std::span<float> values);

/// The function of one element that an activation layer applies (all but softmax and prelu), its settings bound.
/// Errors: Unimplemented for a name it does not know.
absl::StatusOr<std::function<double(double)>> scalar_function(const FloatLayer& layer, const std::string& name);

/// A softmax along an axis of `extent` elements, `stride` apart, in place. HGQ2's quantisers of its tables are applied
/// where the layer has them. `shape` is that of one event.
absl::Status softmax(const FloatLayer& layer, const Shape& shape, size_t axis, std::span<float> values);

struct AffineWeights {
  std::vector<float> kernel;  ///< [n_in, n_out]; of a batch normalisation, its scales
  std::vector<float> bias;
};

/// A dense layer's weights with its batch normalisation folded in and its trained quantisers applied. No bias: zeros.
absl::StatusOr<AffineWeights> dense_weights(const FloatLayer& layer);
/// A batch normalisation as scale and bias per channel.
absl::StatusOr<AffineWeights> batch_norm_weights(const FloatLayer& layer);

}  // namespace strobe::import::float_arithmetic
