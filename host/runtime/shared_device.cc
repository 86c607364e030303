#include "host/runtime/shared_device.h"

namespace strobe::runtime {

absl::StatusOr<std::shared_ptr<device::Device>> SharedDevice::get() {
  const std::lock_guard lock(mutex_);
  if (auto device = device_.lock(); device != nullptr && device->health().ok()) return device;
  auto opened = open_();
  if (opened.ok()) device_ = *opened;
  return opened;
}

}  // namespace strobe::runtime
