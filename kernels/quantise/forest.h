#pragma once

#include "kernels/import/float_model.h"
#include "kernels/quantise/quantise.h"

namespace strobe::quantise {

/// Whether a model is a forest: one layer of kind "Forest", with nothing but inputs beside it.
bool is_forest(const import::FloatModel& model);

/// Turns a forest into a graph (docs/forests.md says by which rules). Without an input type, inputs are keys of FP32
/// numbers, so that every event goes where the framework sends it. Errors: InvalidArgument for a configuration that the
/// forest does not fit, values that are not finite or beyond 62 bits; Unimplemented for an output transform without a
/// table.
absl::StatusOr<Quantised> quantise_forest(const import::FloatModel& model, const QuantiseOptions& options);

/// The same graph with the leaf that each tree ends in as its answer, instead of scores: outputs [trees], whole
/// numbers, the framework's numbers of the leaves. Errors: InvalidArgument where the graph has no forest.
absl::StatusOr<model::Graph> with_leaves(const model::Graph& graph);

}  // namespace strobe::quantise
