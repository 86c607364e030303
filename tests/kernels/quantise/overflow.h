#pragma once

#include "kernels/import/float_model.h"
#include "kernels/layers/reference.h"

namespace strobe::testing {

/// Under strobe's own rules values leave a type only where that is meant: in activations that were trained with a
/// quantiser, and in softmaxes, whose distances end at 16. Checks each node's counts against what those alone give;
/// `evaluation` must have kept its tensors.
void expect_overflow_only_by_design(const import::FloatModel& model, const model::Graph& graph,
                                    const layers::Evaluation& evaluation, size_t rows);

}  // namespace strobe::testing
