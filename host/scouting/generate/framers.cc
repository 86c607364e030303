#include "host/scouting/generate/dma_framer.h"
#include "host/scouting/generate/event_framer.h"
#include "host/scouting/generate/packet.h"
#include "host/scouting/generate/pattern_framer.h"
#include "host/scouting/generate/raw_orbit_framer.h"

namespace strobe::scouting {

std::unique_ptr<Framer> make_framer(const SourceFormat& format) {
  switch (format.framing) {
    case Framing::kDmaPacket:
      return make_dma_framer(format);
    case Framing::kRawOrbit:
      return make_raw_orbit_framer(format);
    case Framing::kEvents:
      return make_event_framer(format);
    case Framing::kDthBlocks:
      return make_dth_framer(format);
    case Framing::kPatternText:
      return make_pattern_framer();
  }
  return nullptr;
}

}  // namespace strobe::scouting
