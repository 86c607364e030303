#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "kernels/import/forest.h"
#include "kernels/model/graph.h"

namespace strobe::quantise {

/// Adds what turns margins into the framework's probabilities: a softmax (softmax_tables.h), or a table of 4096
/// entries. Errors: Unimplemented for a transform without a table.
absl::StatusOr<model::TensorId> add_post_transform(const import::Forest& forest, const std::string& layer_name,
                                                   model::TensorId margins, model::GraphBuilder& builder);

}  // namespace strobe::quantise
