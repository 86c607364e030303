#pragma once

#include <cstddef>

#include "kernels/emulator/forest_plan.h"

namespace strobe::emulator {

/// Evaluates the forest for the events of a block, ForestSlices::kEvents at most. `sources[f]` is the slot of feature
/// f, `targets[o]` that of output o; slots have room for kEvents events. `storage` holds `plan.storage_bytes` on a
/// cache line.
void run_forest(const ForestPlan& plan, const Slot* sources, const Slot* targets, std::byte* arena, std::byte* storage,
                size_t events);

/// A table of bytes is looked up in pages of 2^so many entries.
int forest_page_bits();

/// Whether `ForestBlocks` can be run.
bool forest_has_blocks();

}  // namespace strobe::emulator
