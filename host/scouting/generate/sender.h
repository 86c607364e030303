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

/// One source and where it goes.
struct Lane {
  PacketStream stream;
  Output output;
};

struct SendOptions {
  /// A multiple of the LHC's, kept packet by packet: a packet is due when its last orbit is over; 0: as fast as it
  /// goes.
  double rate = 0;
  double missing_source = 0;  ///< share of packets that one of the lanes lacks
  uint64_t seed = 1;          ///< of that
  std::function<void(const SendReport&)> progress = [](const SendReport&) {};  ///< called now and then
};

/// Sends the lanes' streams in step to their ends or until `stop`, which is looked at between packets. All take equally
/// many orbits a packet. Errors: as Output::write.
absl::StatusOr<SendReport> send(std::span<Lane> lanes, const SendOptions& options, const std::atomic<bool>& stop);

}  // namespace strobe::scouting
