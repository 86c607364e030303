#include "host/scouting/core/faults.h"

namespace strobe::scouting {

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::kLostSync:
      return "lost_sync";
    case Fault::kTruncated:
      return "truncated";
    case Fault::kBadHeader:
      return "bad_header";
    case Fault::kBadChecksum:
      return "bad_checksum";
    case Fault::kBadCrossing:
      return "bad_crossing";
    case Fault::kCrossingMismatch:
      return "crossing_mismatch";
    case Fault::kOrbitMismatch:
      return "orbit_mismatch";
    case Fault::kBitmapMismatch:
      return "bitmap_mismatch";
    case Fault::kBadObject:
      return "bad_object";
    case Fault::kOutOfSequence:
      return "out_of_sequence";
    case Fault::kDuplicate:
      return "duplicate";
    case Fault::kIncomplete:
      return "incomplete";
    case Fault::kDownstreamFull:
      return "downstream_full";
    case Fault::kModelFailed:
      return "model_failed";
    case Fault::kSinkFailed:
      return "sink_failed";
    case Fault::kStopped:
      return "stopped";
  }
  return "?";
}

std::string text_of(const FaultCounts& counts) {
  std::string text;
  for (size_t fault = 0; fault < kFaults; ++fault) {
    if (counts[fault] == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::string(name_of(static_cast<Fault>(fault))) + " " + std::to_string(counts[fault]);
  }
  return text;
}

}  // namespace strobe::scouting
