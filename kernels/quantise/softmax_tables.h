#pragma once

#include "absl/status/status.h"
#include "kernels/model/graph.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// Fills a softmax node's attributes and tables from its layer's settings, for an input of type `in`: hls4ml's
/// implementations ("stable", "latency", "legacy", "argmax"), or strobe's own ("strobe") of stated accuracy.
absl::Status write_softmax(const TypedLayer& layer, const FixedType& in, model::Node& node);

}  // namespace strobe::quantise
