#pragma once

#include <cstdint>
#include <span>

#include "host/scouting/sinks/sink.h"

/// Which of an orbit's crossings are written, as each source counts them.
namespace strobe::scouting {

/// Crossings [begin, end) of one source.
struct Run {
  uint32_t begin, end;
};

/// The kept crossings of `part` in as few runs as possible.
void kept_runs(const FinishedOrbit& orbit, const SourceOrbit& part, Buffer<Run>& runs);

/// The payload of `part` with the kept crossings' blocks only: its own bytes where all are kept, else put together in
/// `scratch`.
std::span<const std::byte> kept_payload(const SourceOrbit& part, std::span<const Run> runs, Buffer<std::byte>& scratch);

/// Objects of all collections in the kept crossings; 0 where the decoder made no columns.
uint64_t kept_objects(const SourceOrbit& part, std::span<const Run> runs);
/// The same for those who need no runs: they are made, in `scratch`, only where crossings of other sources lie between.
uint64_t kept_objects(const FinishedOrbit& orbit, const SourceOrbit& part, Buffer<Run>& scratch);

}  // namespace strobe::scouting
