#pragma once

#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "host/runtime/request.h"

namespace strobe::runtime {

/// One device for the runners of several models, as one card holds one xclbin: opened when the first asks for it, the
/// same for all while it lives, and opened anew by the first that asks after it died. Closed when nobody uses it.
/// Thread-safe.
class SharedDevice {
 public:
  explicit SharedDevice(DeviceFactory open) : open_(std::move(open)) {}
  /// Errors: those of opening; the next call tries again.
  absl::StatusOr<std::shared_ptr<device::Device>> get();

 private:
  const DeviceFactory open_;
  std::mutex mutex_;  ///< held while opening: who asks meanwhile gets the same device
  std::weak_ptr<device::Device> device_;
};

}  // namespace strobe::runtime
