#pragma once

#include <memory>

#include "host/scouting/generate/packet.h"

namespace strobe::scouting {

/// CMSSW's orbit header and zero-suppressed blocks: what a zero-suppressing node sends, without a file header.
std::unique_ptr<Framer> make_raw_orbit_framer(const SourceFormat& format);

}  // namespace strobe::scouting
