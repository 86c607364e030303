#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace strobe::scouting {

/// Where a generated stream goes. One thread.
class Output {
 public:
  /// "tcp://host:port" (connects, again and again while nobody listens), "tcp-listen://host:port" (waits for one
  /// receiver), "-" (standard output), else a file or FIFO ("file:PATH" or a plain path; a FIFO waits for its reader).
  /// `stop` ends waiting: Cancelled.
  /// Errors: InvalidArgument with what was expected; NotFound, PermissionDenied, Unavailable as the system says.
  static absl::StatusOr<Output> open(const std::string& address, const std::atomic<bool>& stop);
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();

  /// Writes all of the pieces. Errors: Unavailable where the receiver is gone, or where it takes nothing for two
  /// seconds after `stop`; ResourceExhausted (disk full).
  absl::Status write(std::span<const std::span<const std::byte>> pieces);
  /// Says good-bye: what is on its way still arrives. Errors: as `write`.
  absl::Status close();
  const std::string& name() const { return name_; }

 private:
  Output(std::string name, int descriptor, const std::atomic<bool>& stop)
      : name_(std::move(name)), descriptor_(descriptor), stop_(&stop) {}
  absl::Status wait_until_writable();

  std::string name_;
  int descriptor_;
  const std::atomic<bool>* stop_;
};

}  // namespace strobe::scouting
