#pragma once

#include <cstddef>

#include "kernels/emulator/planner.h"

namespace strobe::emulator {

/// What `run_event_by_event` needs for an arena, which lies on a cache line.
size_t event_arena_bytes(const Plan& plan);

/// Runs `rows` events by `plan.events`. Nothing beyond the rows is read or written.
void run_event_by_event(const Plan& plan, const std::byte* const* inputs, std::byte* const* outputs, std::byte* arena,
                        size_t rows);

}  // namespace strobe::emulator
