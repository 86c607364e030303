#pragma once

#include "absl/status/statusor.h"
#include "kernels/hls/project.h"
#include "kernels/model/graph.h"

namespace strobe::compile {

/// A few events (random over the whole input range, seeded, and the limits of every type) with the reference's scores,
/// for an HLS project's testbench.
absl::StatusOr<hls::GoldenVectors> golden_vectors(const model::Graph& graph);

}  // namespace strobe::compile
