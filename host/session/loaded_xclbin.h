#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/device/open.h"
#include "kernels/package/package.h"
#include "platform/xclbin/xclbin.h"

namespace strobe::session {

/// An xclbin with the models that it carries.
struct LoadedXclbin {
  std::string path;
  xclbin::Xclbin file;
  package::Package package;
};

/// Errors: what is wrong with the file, naming it.
absl::StatusOr<std::shared_ptr<const LoadedXclbin>> load_xclbin(const std::string& path);

/// The index of the model of that name, or of the only one for an empty name.
/// Errors: InvalidArgument with the list of models.
absl::StatusOr<size_t> find_model(const LoadedXclbin& loaded, const std::string& name);

/// How `device::open_device` is to be called for it: tensors of each kernel, and the emulator behind "emulator".
device::OpenOptions open_options(std::shared_ptr<const LoadedXclbin> loaded, int threads);

}  // namespace strobe::session
