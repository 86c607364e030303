#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/device/card.h"

namespace strobe::device {

/// An emulated card in a worker process of its own. `info.backend` ("xrt", "opencl") says how the worker drives it.
absl::StatusOr<std::unique_ptr<Device>> open_worker_device(DeviceInfo info, const std::string& libexec,
                                                           const std::string& image, std::vector<KernelInfo> kernels,
                                                           int launch_timeout_ms);

}  // namespace strobe::device
