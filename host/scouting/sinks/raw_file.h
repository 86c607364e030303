#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/scouting/sinks/aside_file.h"

namespace strobe::scouting {

/// A raw file of one source and section as CMSSW reads it. As long as it is written its header says 0xffffffff orbits
/// and size 0.
class RawFile {
 public:
  /// Errors: those of AsideFile::create; ResourceExhausted (disk full).
  static absl::StatusOr<RawFile> create(const std::string& folder, uint32_t run, uint32_t section,
                                        const std::string& source);
  /// Completes the raw files of killed writers in `folder`: each is cut behind its last whole orbit whose checksum is
  /// right, and gets its header and its name; one without an orbit is removed. Returns how many were completed.
  static absl::StatusOr<size_t> recover(const std::string& folder);

  uint64_t bytes() const { return bytes_; }
  uint32_t orbits() const { return orbits_; }
  /// Writes an orbit, whole or not at all. Errors: ResourceExhausted (disk full).
  absl::Status append(uint32_t orbit, std::span<const std::byte> payload);
  /// Takes the last orbit, of that many bytes of payload, off again.
  void take_back(size_t payload_bytes);
  absl::Status finish();

 private:
  RawFile(AsideFile file, uint32_t run, uint32_t section) : file_(std::move(file)), run_(run), section_(section) {}
  absl::Status put_header(uint32_t orbits, uint64_t bytes);
  static absl::StatusOr<bool> recover(AsideFile file);

  AsideFile file_;
  uint32_t run_, section_;
  uint32_t orbits_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace strobe::scouting
