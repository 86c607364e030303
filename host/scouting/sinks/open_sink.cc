#include "absl/strings/str_cat.h"
#include "host/scouting/sinks/sinks.h"
#include "platform/files/temporary_folder.h"

namespace strobe::scouting {

absl::StatusOr<std::unique_ptr<Sink>> open_sink(const SinkSettings& settings, const SinkSetup& setup) {
  if (settings.kind == "none") return make_none_sink();
  if (settings.to.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("sink ", settings.kind, ": expected where to write, a folder or for tcp 'tcp://host:port'"));
  }
  if (settings.kind == "raw") return open_raw_sink(settings, setup);
  if (settings.kind == "tcp") return open_tcp_sink(settings, setup);
  if (settings.kind == "hdf5" || settings.kind == "npy") return open_column_sink(settings, setup);
  return absl::InvalidArgumentError(absl::StrCat("sink '", settings.kind, "': expected raw, hdf5, npy, tcp or none"));
}

absl::Status prepare_folder(const SinkSettings& settings, const SinkSetup& setup,
                            absl::StatusOr<size_t> (*recover)(const std::string& folder)) {
  if (setup.check_only) return files::check_folder(settings.to);
  if (absl::Status s = files::make_folder(settings.to); !s.ok()) return s;
  return recover == nullptr ? absl::OkStatus() : recover(settings.to).status();
}

absl::Status check_raw_orbits(const SinkSettings& settings, const SinkSetup& setup) {
  if (!setup.objects) {
    return absl::InvalidArgumentError(absl::StrCat(
        "sink ", settings.kind, ": raw orbits hold the objects of crossings; hdf5 and npy can hold results alone"));
  }
  for (const SourceFormat* format : setup.sources) {
    if (format->framing == Framing::kDmaPacket || format->framing == Framing::kRawOrbit) continue;
    return absl::InvalidArgumentError(absl::StrCat("sink ", settings.kind, ": format '", std::string(format->name),
                                                   "' has no zero-suppressed form; hdf5 and npy take it"));
  }
  return absl::OkStatus();
}

}  // namespace strobe::scouting
