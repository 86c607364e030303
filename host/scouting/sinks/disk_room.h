#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace strobe::scouting {

/// Room on the disk for one file, seen to before it is needed: what a sink has taken and not written yet must find it.
class DiskRoom {
 public:
  /// `step_bytes`: so much is looked for at once, beyond what is asked for.
  explicit DiskRoom(uint64_t step_bytes) : step_bytes_(step_bytes) {}

  /// Sees to it that the file can grow to `bytes`; its size stays. Errors: ResourceExhausted (disk, quota or the
  /// process's limit of a file's size), with the path.
  absl::Status reserve(int descriptor, const std::string& path, uint64_t bytes);

 private:
  uint64_t step_bytes_;
  uint64_t reserved_ = 0;  ///< bytes of the file for which there is room
  uint64_t taken_ = 0;     ///< bytes of the file that the disk has set apart, not only promised
};

/// Frees the room on the disk that was taken beyond a file's end.
void give_back_reserve(int descriptor);

}  // namespace strobe::scouting
