#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace strobe::scouting {

/// Why bytes, orbits or crossings do not go on: a counter each in every stage's `Flow`, and in its source's account
/// (docs/scouting-pipeline.md says what is counted in which). Orbits that never came are none of them: no stage has
/// seen them.
enum class Fault : uint8_t {
  kLostSync,          ///< bytes skipped until a packet was recognised again
  kTruncated,         ///< a packet, orbit or event that ends too early
  kBadHeader,         ///< a header, trailer or marker that is not what the format says
  kBadChecksum,       ///< CRC-32C differs
  kBadCrossing,       ///< a crossing number above 3564
  kCrossingMismatch,  ///< a block whose links disagree about the crossing
  kOrbitMismatch,     ///< a block that carries another orbit's number
  kBitmapMismatch,    ///< a block whose crossing is not in the bitmap, or a crossing of the bitmap without a block
  kBadObject,         ///< a count or object word that the format does not allow
  kOutOfSequence,     ///< an orbit that came after a later one
  kDuplicate,         ///< an orbit that came before
  kIncomplete,        ///< an orbit given up after the timeout, because a source lacks it
  kDownstreamFull,    ///< dropped whole by policy: what follows is too slow
  kModelFailed,       ///< the device died and did not come back in time
  kSinkFailed,        ///< the sink cannot write (a full disk, a reader that is gone)
  kStopped,           ///< in work when the pipeline was told to stop at once
};
constexpr size_t kFaults = static_cast<size_t>(Fault::kStopped) + 1;

/// "lost_sync", "truncated"...: the counter's name.
std::string_view name_of(Fault fault);

using FaultCounts = std::array<uint64_t, kFaults>;

/// "lost_sync 3, truncated 1": those that are not 0, for people.
std::string text_of(const FaultCounts& counts);

}  // namespace strobe::scouting
