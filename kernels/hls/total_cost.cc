#include "kernels/hls/total_cost.h"

#include "kernels/hls/project.h"
#include "kernels/layers/catalog.h"

namespace strobe::hls {

layers::Cost total_cost(const model::Graph& graph) {
  layers::Cost total;
  total.planned_depth = 0;
  for (const model::Node& node : graph.nodes()) {
    const layers::Cost cost = layers::find_layer(node.op)->cost(graph, node);
    total.multiplications += cost.multiplications;
    total.additions += cost.additions;
    total.bit_operations += cost.bit_operations;
    total.effective_bit_operations += cost.effective_bit_operations;
    total.planned_multipliers += cost.planned_multipliers;
  }
  if (auto project = write_project(graph); project.ok()) {
    total.planned_depth = project->kernels[0].depth;
    total.planned_initiation_interval = project->kernels[0].initiation_interval;
  }
  return total;
}

}  // namespace strobe::hls
