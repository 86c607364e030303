#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/codec.h"
#include "host/scouting/core/orbit.h"

namespace strobe::scouting {

/// One column of what a model or an expression says of some crossings: rows of `elements` little-endian elements.
struct ResultFormat {
  std::string name;  ///< "dimuon/score", "mass"
  runtime::ElementKind element = runtime::ElementKind::kFloat32;
  size_t elements = 1;  ///< a row: extent of the second axis in files
};

/// Results that belong to rows of an orbit.
struct Result {
  std::span<const std::byte> bytes;  ///< rows x elements, of the ResultFormat at the same index
  std::span<const uint32_t> rows;    ///< for each row: index into `FinishedOrbit::crossings`, ascending
};

/// An orbit at its end: what is to be written.
struct FinishedOrbit {
  uint32_t number = 0;
  bool complete = true;                       ///< every source was there
  std::span<const uint16_t> crossings;        ///< crossings of all sources, ascending
  std::span<const uint8_t> keep;              ///< one a crossing: 0 is not written
  size_t kept = 0;                            ///< non-zero entries of `keep`
  std::span<const SourceOrbit* const> parts;  ///< by source; null where a source lacks the orbit. Each has crossings of
                                              ///< its own, all of them among `crossings`
  std::span<const Result> results;            ///< in the order of SinkSetup::results
};

/// What a sink must know before the first orbit.
struct SinkSetup {
  uint32_t run = 1;
  std::vector<const SourceFormat*> sources;
  std::vector<std::string> source_names;
  std::vector<ResultFormat> results;
  /// Key and text, for formats that hold metadata: configuration, models' digests, strobe's version.
  std::vector<std::pair<std::string, std::string>> metadata;
  bool objects = true;      ///< false: only crossing numbers and results are written
  bool check_only = false;  ///< nothing will be written: no folder is made and no killed writer's file completed
};

/// What a sink did, for the account.
struct SinkCounts {
  uint64_t orbits = 0, crossings = 0, objects = 0, bytes = 0, files = 0;
};

/// An orbit that a sink has taken.
struct TakenOrbit {
  uint32_t number = 0, crossings = 0, objects = 0, bytes = 0;
};

/// Writes orbits in the order in which they come. A file is complete when it is closed; it bears its final name only
/// from then on. What was taken finds room on the disk at the end too: it is seen to before. One thread.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Errors: ResourceExhausted (disk full), Unavailable (peer gone): the orbit is not written, not even in part, and
  /// may be offered again.
  virtual absl::Status write(const FinishedOrbit& orbit) = 0;
  /// Closes what is open at this border; the next `write` starts anew. (Sinks see for themselves where a luminosity
  /// section ends.) Errors: as `write`, for a disk that lost what it had promised, or a folder that has gone: files
  /// keep their hidden names, and it may be tried again.
  virtual absl::Status close() = 0;
  /// Instead of another `close`: what can be kept of the open files gets its name, whole up to its last orbit. Returns
  /// the orbits that were taken and are in no such file; they count no more.
  virtual std::vector<TakenOrbit> salvage() { return {}; }
  virtual SinkCounts counts() const = 0;
  virtual std::string name() const = 0;  ///< for people: "raw files in scouting-output/"
  /// Whether raw payloads are needed (DecoderOptions::payload).
  virtual bool wants_payload() const { return false; }
};

/// Which sink, and what each kind can be told.
struct SinkSettings {
  std::string kind = "none";         ///< raw, hdf5, npy, tcp, none
  std::string to;                    ///< folder of the files, or "tcp://host:port"
  uint64_t file_mebibytes = 0;       ///< files: another one is begun at this size; 0: only with each section
  std::string compression = "none";  ///< hdf5: none, scaleoffset, deflate
  uint32_t flush_orbits = 4096;      ///< hdf5: what a killed writer may lose at most
  double patience_seconds = 2;       ///< tcp: how long a peer that takes nothing is waited for
};

/// Opens a sink; folders are made. What killed writers left in the folder is completed first (raw, hdf5).
/// Errors: InvalidArgument for what the kind cannot do, with what was expected; those of making a folder or finding the
/// host. A TCP peer need not be there yet: `write` connects.
absl::StatusOr<std::unique_ptr<Sink>> open_sink(const SinkSettings& settings, const SinkSetup& setup);

}  // namespace strobe::scouting
