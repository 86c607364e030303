#pragma once

#include <vector>

#include "kernels/emulator/plan.h"

namespace strobe::emulator {

/// Gives every symbolic slot of a program a place in the arena and replaces its number by the offset. A place is used
/// again once its last reader is done, so that a block stays in the cache. `bytes[s]` is the size of slot s for one
/// event. Chooses the events of a block.
void assign_slots(const std::vector<uint32_t>& bytes, Program& program);

}  // namespace strobe::emulator
