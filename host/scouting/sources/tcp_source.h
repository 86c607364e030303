#pragma once

#include <memory>
#include <string>

#include "host/scouting/sources/interrupt.h"
#include "host/scouting/sources/source.h"

namespace strobe::scouting {

/// A TCP sender's bytes, read into a ring. `listen`: waits for senders, one at a time; else connects to one. When it
/// goes (kBreak), the next is waited for, or it is connected to again. Errors: as open_source, and NotFound for an
/// unknown host.
absl::StatusOr<std::unique_ptr<ByteSource>> open_tcp(const std::string& host, const std::string& port, bool listen,
                                                     Interrupt interrupt, const SourceOptions& options);

}  // namespace strobe::scouting
