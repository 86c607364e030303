#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/scouting/sinks/kept.h"
#include "host/scouting/sinks/sink.h"

/// Orbits as rows of columns, the same for all files of columns (docs/scouting-files.md says what each column means).
namespace strobe::scouting {

struct Column {
  std::string path;  ///< "crossings/bx", "gmt/muon/pt", "results/dimuon/score/values"
  runtime::ElementKind element = runtime::ElementKind::kUint32;
  size_t elements = 1;           ///< a row: extent of the second axis, where it is more than one
  const Field* field = nullptr;  ///< that it holds, if any: scale, bias and unit are kept with it

  size_t row_bytes() const { return elements * runtime::byte_size(element); }
};

/// Turns orbits into rows.
class Columns {
 public:
  /// Errors: InvalidArgument where two columns would have one name.
  static absl::StatusOr<Columns> create(const SinkSetup& setup);

  /// Those of objects and results first, then those of crossings, then those of orbits: written in this order, a row of
  /// a later one never lacks what belongs to it.
  const std::vector<Column>& list() const { return list_; }
  /// The number of orbits' columns, which are the last of the list.
  static constexpr size_t kOfOrbits = 4;

  /// Appends an orbit's rows; `buffers` are in the order of the list. `crossings`: rows of crossings so far. Returns
  /// the number of objects.
  uint64_t append(const FinishedOrbit& orbit, uint64_t crossings, std::span<Buffer<std::byte>> buffers);

 private:
  struct Part {
    const SourceFormat* format;
    size_t first;  ///< column: of each collection the count, then its fields
  };

  size_t add(std::string path, runtime::ElementKind element, size_t elements = 1, const Field* field = nullptr);
  void append_counts(const FinishedOrbit& orbit, const SourceOrbit* part, size_t collection, Buffer<std::byte>& to);
  void append_fields(const Collection& collection, std::span<Buffer<std::byte>> to);
  void append_results(const FinishedOrbit& orbit, uint64_t crossings, std::span<Buffer<std::byte>> buffers);

  std::vector<Column> list_;
  bool objects_ = true;
  std::vector<Part> parts_;
  std::vector<ResultFormat> results_;
  size_t first_result_ = 0, first_crossing_ = 0, first_orbit_ = 0;  ///< columns
  Buffer<Run> runs_;
  Collection kept_;             ///< the kept objects' words, where not all are
  std::vector<void*> targets_;  ///< by field: where an orbit's values go
  Buffer<uint64_t> rows_;       ///< by crossing of the orbit: its row, where it is kept
};

}  // namespace strobe::scouting
