#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "host/device/card.h"

namespace strobe::device {

/// A real card, driven by a plugin in this process.
absl::StatusOr<std::unique_ptr<Device>> open_card_device(DeviceInfo info, const CardPlugin& plugin,
                                                         const xclbin::Xclbin& xclbin, int index,
                                                         std::vector<KernelInfo> kernels, std::string image);

}  // namespace strobe::device
