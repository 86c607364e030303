#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/model/graph.h"

namespace strobe::quantise {

/// The formats that a quantiser gives each element of a tensor of that shape (batch axis left out), with its rounding
/// and overflow. Errors: InvalidArgument where its extents do not broadcast or a width is out of range.
absl::StatusOr<std::vector<model::FixedType>> element_types(const import::ElementQuantizer& quantizer,
                                                            const model::Shape& shape);

/// Weights through their quantiser in float32, as HGQ2 does it, each in the narrowest type that holds it.
absl::StatusOr<model::Constant> quantize_weights(const import::FloatLayer& layer, const std::string& which,
                                                 const import::Array& values);

struct DenseWeights {
  model::Constant kernel;  ///< [n_in, n_out]
  std::optional<model::Constant> bias;
};
/// Kernel and bias of a dense layer, a fused batch normalisation folded in before quantising.
absl::StatusOr<DenseWeights> hgq_dense_weights(const import::FloatLayer& layer);

struct BatchNormWeights {
  model::Constant scale, bias;  ///< one value a channel
};
absl::StatusOr<BatchNormWeights> hgq_batch_norm_weights(const import::FloatLayer& layer);
/// Repeats the channels' values for each element from `axis` of `shape` on.
void spread_channels(BatchNormWeights& weights, const model::Shape& shape, int64_t axis);

/// HGQ2's effective bit operations of a dense layer that reads `shape`: sum over products of the trained widths of
/// input and weight, plus those of the biases, signs counted only under saturation. nullopt where a quantiser is
/// missing.
std::optional<double> hgq_dense_ebops(const import::FloatLayer& layer, const model::Shape& shape);

/// Numbers held exactly, each in its own type. They must have at most 53 significant bits.
model::Constant exact_constant(const import::Array& values);

}  // namespace strobe::quantise
