#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace strobe::files {

/// Reads members of a zip archive held in memory. Made for untrusted archives: a member is read only if its stated size
/// is one that its compressed bytes can give, and its checksum is verified. Not thread-safe.
class ZipReader {
 public:
  struct Member {
    std::string name;
    uint64_t size = 0;  ///< uncompressed, as the directory states it
    uint64_t compressed_size = 0;
  };

  /// `bytes` must outlive the reader; `name` is used in messages. Errors: InvalidArgument.
  static absl::StatusOr<ZipReader> open(std::span<const std::byte> bytes, std::string name);
  ZipReader(ZipReader&&) noexcept;
  ~ZipReader();

  const std::vector<Member>& members() const { return members_; }
  /// Errors: NotFound, InvalidArgument (damaged), ResourceExhausted, Unimplemented (encrypted, unknown compression).
  absl::StatusOr<std::string> read(const std::string& member) const;
  absl::StatusOr<std::string> read(size_t index) const;

 private:
  struct Archive;
  ZipReader(std::unique_ptr<Archive> archive, std::string name);
  std::unique_ptr<Archive> archive_;
  std::string name_;
  std::vector<Member> members_;
};

struct ZipContent {
  std::string name;
  std::string bytes;
};

/// Writes an archive whole or not at all; the same members give the same bytes. Errors: Internal, with the path.
absl::Status write_zip(const std::string& path, const std::vector<ZipContent>& members, bool deflate);

}  // namespace strobe::files
