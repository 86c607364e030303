#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "host/scouting/generate/output.h"
#include "host/scouting/generate/packet_stream.h"

namespace strobe::scouting {

/// What was sent.
struct SendReport {
  uint64_t orbits = 0, bytes = 0;
  double seconds = 0;
  /// Multiple of the LHC's orbit rate.
  double lhc_rate() const;
};

/// Sends the stream to its end or until `stop`, which is looked at between packets. `rate` is a multiple of the LHC's,
/// kept packet by packet: a packet is due when its last orbit is over; 0 is as fast as it goes. `progress` is called
/// now and then with what was sent so far. Errors: as Output::write.
absl::StatusOr<SendReport> send(PacketStream& stream, Output& output, double rate, const std::atomic<bool>& stop,
                                const std::function<void(const SendReport&)>& progress);

}  // namespace strobe::scouting
