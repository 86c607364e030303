#pragma once

#include "absl/status/status.h"
#include "kernels/quantise/hls_config.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// Fills every open type by hls4ml's rules for "auto" (release 1.3, `infer_precision`): accumulators and results of
/// dense, batch normalisation and merging layers as wide as their inputs' types demand, weights and everything else at
/// the model's default.
void infer_types(TypedModel& model, const HlsConfig& config);

}  // namespace strobe::quantise
