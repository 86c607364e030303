#pragma once

#include "kernels/layers/layer.h"
#include "kernels/model/graph.h"

namespace strobe::hls {

/// What a whole graph costs: the layers' operations and multipliers added up, the depth of the longest path through
/// them, the interval of the slowest layer or row.
layers::Cost total_cost(const model::Graph& graph);

}  // namespace strobe::hls
