#include "kernels/emulator/forest_plan.h"

#include <algorithm>

#include "kernels/emulator/forest_kernels.h"
#include "kernels/emulator/forest_trees.h"

namespace strobe::emulator {

ForestPlan plan_forest(const Forest& forest, const std::vector<Range>& ranges) {
  ForestPlan plan;
  const CutForest cuts = cut_forest(forest, ranges);
  plan.has_blocks = forest_has_blocks() && plan_blocks(forest, cuts, ranges, plan.blocks);
  if (!plan.has_blocks) plan.walk = plan_walk(forest, cuts, ranges);
  plan.sliced = plan_slices(forest, cuts, ranges, plan.event_cycles(), plan.slices);
  if (plan.sliced) {
    plan.fewest_sliced = static_cast<size_t>(plan.slices.cycles * ForestSlices::kEvents / plan.event_cycles()) + 1;
  } else {
    plan.slices = {};
  }
  plan.storage_bytes = std::max({plan.slices.storage_bytes, plan.walk.storage_bytes, plan.blocks.storage_bytes});
  return plan;
}

}  // namespace strobe::emulator
