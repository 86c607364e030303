#pragma once

#include "kernels/emulator/integer_graph.h"
#include "kernels/emulator/plan.h"

namespace strobe::emulator {

/// Runs what no SIMD step can, event by event in 128 bits. `slots`: where the step's operands are counted from.
void run_scalar_step(const IntegerGraph& graph, const ScalarStep& step, const Slot* slots, std::byte* arena,
                     size_t events);

}  // namespace strobe::emulator
