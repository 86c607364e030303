#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/model/graph.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// How weights become raw values.
enum class WeightRule {
  kDecimal,  ///< hls4ml's: printed with as many decimals as the type has fraction bits, then converted by the type's
             ///< modes
  kDirect,   ///< converted from the number itself
};

/// Writes the graph of a model whose types are all known. Warnings (weights that do not fit their type, with counts) go
/// to `warnings`. Errors: Unimplemented for an activation without a table, InvalidArgument for an inconsistent layer.
absl::StatusOr<model::Graph> emit_graph(const TypedModel& model, WeightRule rule, std::vector<std::string>& warnings);

}  // namespace strobe::quantise
