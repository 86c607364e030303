#pragma once

#include <string>

#include "kernels/emulator/planner.h"

namespace strobe::emulator {

/// The plan as text for people.
std::string describe(const Listing& listing, const Plan& plan);

}  // namespace strobe::emulator
