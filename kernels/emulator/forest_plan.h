#pragma once

#include <vector>

#include "kernels/emulator/forest.h"
#include "kernels/emulator/forest_blocks.h"
#include "kernels/emulator/forest_slices.h"
#include "kernels/emulator/forest_walk.h"

namespace strobe::emulator {

/// A forest ready to run over a block of events: sliced (forest_slices.h), where that pays, or event by event, several
/// trees at once: by blocks of splits (forest_blocks.h) or from node to node (forest_walk.h). The latter are for few
/// events, and for trees so large that choosing among all their leaves costs more than going down.
struct ForestPlan {
  bool sliced = false;
  size_t fewest_sliced = 0;  ///< blocks of fewer events are walked
  ForestSlices slices;       ///< empty where not `sliced`

  bool has_blocks = false;  ///< else walked
  ForestBlocks blocks;
  ForestWalk walk;
  size_t storage_bytes = 0;
  double event_cycles() const { return has_blocks ? blocks.cycles : walk.cycles; }
};

/// `ranges` are those of the forest's features.
ForestPlan plan_forest(const Forest& forest, const std::vector<Range>& ranges);

}  // namespace strobe::emulator
