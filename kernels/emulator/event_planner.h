#pragma once

#include <functional>

#include "kernels/emulator/event_program.h"
#include "kernels/emulator/listing.h"
#include "kernels/emulator/rows.h"
#include "kernels/emulator/simplify.h"

namespace strobe::emulator {

/// Where the entries of a table in that lane lie, in bytes into the plan's tables.
using TableOffset = std::function<uint32_t(TableId, Lane)>;

/// Plans how one event runs by itself: rows of a layer that wait for the same values and end alike become the lanes of
/// one step. Without steps where a value needs more than 32 bits to be stored.
EventProgram plan_events(const Listing& listing, const Simplified& simplified, const Rows& rows,
                         const TableOffset& table_offset);

}  // namespace strobe::emulator
