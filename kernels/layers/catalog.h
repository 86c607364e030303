#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/layers/layer.h"

namespace strobe::layers {

/// Every layer that strobe knows. A new one is a folder here and a row in catalog.cc.
std::span<const Layer* const> catalog();

/// The layer of that op, or null.
const Layer* find_layer(std::string_view op);

/// Checks every node of a graph against its layer. Errors: Unimplemented for an unknown op, InvalidArgument otherwise.
absl::Status verify(const model::Graph& graph);

}  // namespace strobe::layers
