#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/process/unfinished.h"

namespace strobe::files {

/// Read-only bytes of a file, mapped. Unmapped when the last owner goes. A file that another program shortens while it
/// is mapped raises SIGBUS on access, as with any mapping.
class MappedFile {
 public:
  /// Errors: NotFound, PermissionDenied, InvalidArgument (a folder or a device); each names the path.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> open(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, size_t size) : data_(data), size_(size) {}
  const std::byte* data_;
  size_t size_;
};

/// The whole file in memory. Errors: as MappedFile::open, and ResourceExhausted above `limit_bytes`.
absl::StatusOr<std::string> read_file(const std::string& path, uint64_t limit_bytes = uint64_t{4} << 30);

/// A file that appears whole or not at all: written without a name or beside its own, put in place by `commit`. Gone if
/// never committed, or if the process is ended before. A link stays one: the file that it points to is replaced. What
/// is there and is no file (a device, a FIFO, /dev/stdout) is not replaced but written to at once.
class AtomicFile {
 public:
  /// Errors: NotFound (no such folder), PermissionDenied, Internal; each names the path.
  static absl::StatusOr<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  /// Errors: ResourceExhausted (disk full), Internal.
  absl::Status write(std::span<const std::byte> bytes);
  absl::Status write(const std::string& text);
  absl::Status commit();

 private:
  AtomicFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string path_, temporary_;  ///< `temporary_`: empty while the file has no name
  int descriptor_;
  bool in_place_ = false;  ///< written to what is there
  process::Unfinished unfinished_;
};

/// Whether a file at `path` could be written, or made; nothing is touched. Errors: what the system says, with the path.
absl::Status check_writable(const std::string& path);

/// Writes `content` to `path` whole or not at all. Errors: as AtomicFile.
absl::Status write_file(const std::string& path, const std::string& content);

/// Copies a file; the copy appears whole or not at all.
absl::Status copy_file(const std::string& from, const std::string& to);

}  // namespace strobe::files
