#include "host/scouting/formats/decoder.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/scouting/formats/framings.h"
#include "host/scouting/formats/gmt_blocks.h"
#include "host/scouting/formats/isa.h"

namespace strobe::scouting {

absl::StatusOr<std::unique_ptr<Decoder>> make_decoder(const SourceFormat& format, const DecoderOptions& options,
                                                      Isa isa) {
  const absl::StatusOr<Isa> chosen = choose_isa(isa);
  if (!chosen.ok()) return chosen.status();
  switch (format.framing) {
    case Framing::kDmaPacket:
      return make_dma_decoder(format, options, *chosen);
    case Framing::kRawOrbit:
      return make_raw_orbit_decoder(format, options);
    case Framing::kEvents:
      return make_event_decoder(format, options, *chosen);
    case Framing::kDthBlocks:
      return make_dth_decoder(format, options, *chosen);
    case Framing::kPatternText:
      return make_pattern_decoder(format, options);
  }
  return absl::InternalError(absl::StrCat("format ", std::string(format.name), " has no decoder"));
}

}  // namespace strobe::scouting
