#pragma once

#include <memory>

#include "host/scouting/sinks/sink.h"

/// The kinds of sinks; `open_sink` chooses.
namespace strobe::scouting {

std::unique_ptr<Sink> make_none_sink();
/// Makes the folder of a sink of files and has `recover` (may be null) complete what killed writers left in it. Where
/// the sink is only checked it sees whether that could be done.
absl::Status prepare_folder(const SinkSettings& settings, const SinkSetup& setup,
                            absl::StatusOr<size_t> (*recover)(const std::string& folder));
absl::StatusOr<std::unique_ptr<Sink>> open_raw_sink(const SinkSettings& settings, const SinkSetup& setup);
absl::StatusOr<std::unique_ptr<Sink>> open_tcp_sink(const SinkSettings& settings, const SinkSetup& setup);
absl::StatusOr<std::unique_ptr<Sink>> open_column_sink(const SinkSettings& settings, const SinkSetup& setup);

/// Errors: InvalidArgument where raw orbits of the sources cannot be written: no objects are wanted, or a format has no
/// zero-suppressed form.
absl::Status check_raw_orbits(const SinkSettings& settings, const SinkSetup& setup);

}  // namespace strobe::scouting
