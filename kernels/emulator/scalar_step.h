#pragma once

#include "kernels/emulator/planner.h"

namespace strobe::emulator {

/// Runs what no SIMD step can, event by event in 128 bits.
void run_scalar_step(const Plan& plan, const ScalarStep& step, std::byte* arena, size_t events);

}  // namespace strobe::emulator
