#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/hgq_graph.h"

/// What the layers of an HGQ2 network become, without the quantisers around them: nodes of exact results. Each gives
/// the tensor of the layer's result. Errors name the layer: InvalidArgument where shapes do not fit, Unimplemented for
/// what HGQ2 networks do not have here.
namespace strobe::quantise::hgq {

/// With the layer's activation.
absl::StatusOr<model::TensorId> add_dense(HgqGraph& graph, const import::FloatLayer& layer, model::TensorId input);
absl::StatusOr<model::TensorId> add_batch_norm(HgqGraph& graph, const import::FloatLayer& layer, model::TensorId input);
absl::StatusOr<model::TensorId> add_activation(HgqGraph& graph, const import::FloatLayer& layer,
                                               const std::string& name, const std::string& activation,
                                               model::TensorId input);
absl::StatusOr<model::TensorId> add_reshape(HgqGraph& graph, const import::FloatLayer& layer, model::TensorId input);
absl::StatusOr<model::TensorId> add_concatenate(HgqGraph& graph, const import::FloatLayer& layer,
                                                const std::vector<model::TensorId>& inputs);
/// All inputs combined by the graph's operation `op`, of AveragePow2 then divided by their number.
absl::StatusOr<model::TensorId> add_merge(HgqGraph& graph, const import::FloatLayer& layer, const std::string& op,
                                          const std::vector<model::TensorId>& inputs);

}  // namespace strobe::quantise::hgq
