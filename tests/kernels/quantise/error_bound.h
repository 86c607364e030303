#pragma once

#include "kernels/import/float_model.h"
#include "kernels/layers/reference.h"

namespace strobe::testing {

/// How far a tensor of a graph that strobe's own rules made may be from floating point, for the evaluated events: half
/// steps of weights and results, the tables' stated errors, passed on from layer to layer. `evaluation` must have kept
/// its tensors.
double error_bound(const import::FloatModel& model, const model::Graph& graph, const layers::Evaluation& evaluation,
                   size_t rows, model::TensorId tensor);

}  // namespace strobe::testing
