#pragma once

#include <memory>
#include <span>
#include <vector>

#include "host/scouting/sinks/aside_file.h"
#include "host/scouting/sinks/columns.h"

namespace strobe::scouting {

/// A file, or folder of files, of columns. Bears its name only from `finish` on.
class ColumnStore {
 public:
  virtual ~ColumnStore() = default;
  /// Rows that are best written at once, and from a multiple of them on: `put` always begins at one.
  virtual size_t block_rows(const Column& column) const = 0;
  /// Sees to it that there is room for so many rows of each column, and for all that `flush` and `finish` add to them.
  /// For every orbit: quick where it is there. Errors: ResourceExhausted (disk full).
  virtual absl::Status reserve(std::span<const uint64_t> rows) = 0;
  /// Writes whole rows of a column from `first_row` on. What was put and is not confirmed by `flush` or `finish` may be
  /// put again. Errors: ResourceExhausted (disk full all the same).
  virtual absl::Status put(size_t column, uint64_t first_row, std::span<const std::byte> rows) = 0;
  /// What was put is there for readers, and remains if this process is killed; `rows` are those of each column.
  virtual absl::Status flush(std::span<const uint64_t> rows) = 0;
  /// Where this fails it may be tried again; nothing may be put any more.
  virtual absl::Status finish(std::span<const uint64_t> rows) = 0;
  /// Instead of another `finish`, whatever has failed: gives what was flushed its name. Returns the orbits in it; 0
  /// where there is no file with a name. Nothing else may be called after it.
  virtual uint64_t salvage() = 0;
  virtual uint64_t bytes() const = 0;  ///< of rows, about
};

/// What a store says of itself.
struct StoreSetup {
  const SinkSettings* settings;
  const SinkSetup* sink;
  const std::vector<Column>* columns;
  uint32_t section;
};

absl::StatusOr<std::unique_ptr<ColumnStore>> create_npy_store(const StoreSetup& setup);
absl::StatusOr<std::unique_ptr<ColumnStore>> create_hdf5_store(const StoreSetup& setup);
/// Completes the HDF5 files of killed writers in `folder`: each is cut behind the last orbit that was flushed. One that
/// has none, or that HDF5 cannot read, is removed or stays hidden. Returns how many were completed.
absl::StatusOr<size_t> recover_hdf5(const std::string& folder);
/// The same with one file that nobody writes any more. Returns the orbits in it. The caller holds `lock_hdf5`.
absl::StatusOr<uint64_t> complete_hdf5(AsideFile file);

}  // namespace strobe::scouting
