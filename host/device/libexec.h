#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace strobe::device {

/// The folder with strobe's helpers (the device worker, plugins, XRT's relinked shim, the emulated card): `given` if
/// not empty, the environment's STROBE_LIBEXEC, beside the program (`libexec/strobe`), one folder up (after
/// installation), or the build tree that this code was built in. NotFound, with the places that were searched.
absl::StatusOr<std::string> find_libexec(const std::string& given);

}  // namespace strobe::device
