#pragma once

#include "absl/status/status.h"
#include "kernels/model/graph.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// Fills a softmax node's attributes and tables from its layer's settings, for an input of type `in`: hls4ml's
/// implementations ("stable", "latency", "legacy", "argmax"), or strobe's own ("strobe") of stated accuracy.
absl::Status write_softmax(const TypedLayer& layer, const FixedType& in, model::Node& node);

/// Whether a softmax of an input of type `in` follows that setting ("exp_table_size", "inv_table_size", "exp_scale"),
/// as hls4ml 1.3's does.
bool softmax_reads(std::string_view key, const TypedLayer& layer, const FixedType& in);

}  // namespace strobe::quantise
