#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/import/einsum.h"
#include "kernels/import/float_model.h"
#include "kernels/import/keras_config.h"
#include "kernels/import/keras_weights.h"

namespace strobe::import {

/// One layer on its way from the configuration to the FloatModel.
struct LayerContext {
  const KerasLayer& source;
  const KerasWeights& weights;
  std::vector<std::vector<int64_t>> inputs;         ///< shapes, without the batch axis
  bool keras3 = false;                              ///< where the versions differ (hard_sigmoid)
  FloatLayer& layer;                                ///< to be filled; name, class_name, inputs and outputs are set
  std::vector<int64_t> output = {};                 ///< to be filled: the shape of its tensor
  std::vector<FloatLayer> before = {}, after = {};  ///< further layers that this one needs around it

  /// "layer 'fc1' (Dense): <what>".
  absl::Status invalid(const std::string& what) const;
  absl::Status unsupported(const std::string& what) const;
  const Json& config(std::string_view key) const { return member(source.config, key); }
  /// Loads weights into `layer.arrays`.
  absl::Status load(const std::vector<WeightSpec>& specs);
};

/// What a layer with `units` and an optional `use_bias` takes and gives. Errors: InvalidArgument.
absl::StatusOr<EinsumPlan> dense_plan(const LayerContext& at);
/// The same for a layer with an `equation`. Errors: as plan_einsum.
absl::StatusOr<EinsumPlan> equation_plan(const LayerContext& at);
/// Finishes a dense layer whose arrays and quantisers are read: lays it out flat, with a Reshape on either side, where
/// its equation asks for that.
void finish_einsum(LayerContext& at, const EinsumPlan& plan);
/// The extent of the axis that a batch normalisation works along; sets the layer's "axis", counted from the last (-1).
absl::StatusOr<int64_t> normalised_extent(LayerContext& at);
/// Sets "activation" from text or dictionary: a plain function, or a QKeras quantiser, which is kept as `quantizer`.
absl::Status set_activation(LayerContext& at, const Json& entry, const std::string& quantizer);

/// Fills `at.layer` and `at.output`. Errors: InvalidArgument; Unimplemented, with the list of supported layers.
absl::Status convert_keras_layer(LayerContext& at);
/// The same for the layers of HGQ2 that quantise; found is false where the class is none of them.
absl::Status convert_hgq_layer(LayerContext& at, bool* found);
/// Shapes and settings of element-wise merges (Add, Subtract...): inputs broadcast as in numpy.
absl::Status convert_merge(LayerContext& at, const std::string& kind);
/// Names of the layer classes of HGQ2 that are read, for messages.
std::vector<std::string> hgq_layer_names();

}  // namespace strobe::import
