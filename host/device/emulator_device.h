#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "host/device/open.h"

namespace strobe::device {

/// The device "emulator": the engine behind the card interface. With one thread a launch is done before `start`
/// returns, with more it goes to a pool.
absl::StatusOr<std::unique_ptr<Device>> open_emulator_device(const OpenOptions& options, std::string why);

}  // namespace strobe::device
