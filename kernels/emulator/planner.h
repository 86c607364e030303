#pragma once

#include <string>

#include "kernels/emulator/dots.h"
#include "kernels/emulator/event_program.h"
#include "kernels/emulator/plan.h"
#include "kernels/emulator/simplify.h"

namespace strobe::emulator {

/// A listing ready to run over blocks of events.
class Plan {
 public:
  Simplified simplified;
  Program program;
  EventProgram events;  ///< for a few events
  std::vector<Method> methods;
  bool byte_products = false;  ///< the processor's, when the plan was made
  size_t slots = 0;
  size_t scalar_steps = 0;
};

/// Plans the simplified listing in `plan.simplified`.
void make_plan(const Listing& listing, bool has_byte_products, Plan& plan);

}  // namespace strobe::emulator
