#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "host/scouting/formats/decoder.h"

/// The decoders by framing; `make_decoder` chooses. `isa` is never kBest here and is one that the machine has.
namespace strobe::scouting {

std::unique_ptr<Decoder> make_dma_decoder(const SourceFormat& format, const DecoderOptions& options, Isa isa);
std::unique_ptr<Decoder> make_raw_orbit_decoder(const SourceFormat& format, const DecoderOptions& options);
std::unique_ptr<Decoder> make_event_decoder(const SourceFormat& format, const DecoderOptions& options, Isa isa);
std::unique_ptr<Decoder> make_dth_decoder(const SourceFormat& format, const DecoderOptions& options, Isa isa);
std::unique_ptr<Decoder> make_pattern_decoder(const SourceFormat& format, const DecoderOptions& options);

}  // namespace strobe::scouting
