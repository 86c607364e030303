#pragma once

#include <memory>

#include "host/scouting/generate/packet.h"

namespace strobe::scouting {

/// Phase-2 events one after the other: candidates or track muons.
std::unique_ptr<Framer> make_event_framer(const SourceFormat& format);
/// The same, each orbit in blocks of the DTH.
std::unique_ptr<Framer> make_dth_framer(const SourceFormat& format);

}  // namespace strobe::scouting
