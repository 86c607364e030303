#pragma once

#include "kernels/import/float_model.h"
#include "kernels/quantise/hls_config.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// Gives a layer the types, reuse factor, strategy and settings that the configuration has for its kind.
void configure_layer(TypedLayer& layer, const HlsConfig& config);

/// scale = gamma / sqrt(variance + epsilon), bias = beta - scale mean, in float32 as the frameworks compute it.
void fold_batch_norm(const import::FloatLayer& source, TypedLayer& layer);

}  // namespace strobe::quantise
