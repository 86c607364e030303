#pragma once

#include <memory>

#include "host/scouting/generate/packet.h"

namespace strobe::scouting {

/// Run 3's packets of the DMA card: muons, or the calorimeter trigger's objects.
std::unique_ptr<Framer> make_dma_framer(const SourceFormat& format);

}  // namespace strobe::scouting
