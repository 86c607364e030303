#pragma once

#include <memory>

#include "host/scouting/generate/packet.h"

namespace strobe::scouting {

/// Test vectors in EMP's text, version 2 with five flags: a frame a crossing, on four links.
std::unique_ptr<Framer> make_pattern_framer();

}  // namespace strobe::scouting
