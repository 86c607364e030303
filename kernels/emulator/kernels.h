#pragma once

#include <cstddef>
#include <string>

#include "kernels/emulator/planner.h"

namespace strobe::emulator {

/// The processor has vectors: `run_block` works.
bool has_vectors();

/// The processor has instructions that multiply four bytes by four and sum them.
bool has_byte_products();

/// Name of the instruction set that `run_block` uses here, "AVX3".
std::string instruction_set();

/// Runs up to `plan.program.block` events. Rows may be read up to 15 bytes beyond the last event's, and written up to
/// 15 bytes beyond it; rows are read and written in groups of 16 events. `arena` holds `plan.program.arena_bytes` and
/// lies on a cache line.
void run_block(const Plan& plan, const std::byte* const* inputs, std::byte* const* outputs, std::byte* arena,
               size_t events);

/// Rows are read and written in groups of so many.
inline constexpr size_t kRowGroup = 16;
/// Bytes that a group may reach beyond its last row.
inline constexpr size_t kRowOverreach = 16;

}  // namespace strobe::emulator
