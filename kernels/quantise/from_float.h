#pragma once

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/hls_config.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// Splits a Keras model's layers into hls4ml's (fused activations become layers named `<layer>_<activation>`), gives
/// each the types of the configuration ("auto" stays open) and applies the trained weight quantisers. Errors:
/// Unimplemented for a layer outside the dense vocabulary, InvalidArgument for inconsistent shapes.
absl::StatusOr<TypedModel> type_layers(const import::FloatModel& model, const HlsConfig& config);

}  // namespace strobe::quantise
