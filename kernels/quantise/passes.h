#pragma once

#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// hls4ml's rewriting before types are inferred: folds batch normalisations into layers whose result type is open,
/// removes activations "linear" that change nothing, scales the threshold of ternary activations.
void simplify_before_inference(TypedModel& model);

/// hls4ml's rewriting after types are inferred: batch normalisations that do nothing go; a batch normalisation before a
/// binary or ternary step becomes thresholds; binary and ternary dense layers behind such steps count in integers.
void simplify_after_inference(TypedModel& model);

}  // namespace strobe::quantise
