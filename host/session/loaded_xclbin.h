#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/device/open.h"
#include "kernels/emulator/emulator.h"
#include "kernels/package/package.h"
#include "platform/xclbin/xclbin.h"
#include "strobe/session.h"

namespace strobe::session {

/// An xclbin with the models that it carries.
struct LoadedXclbin {
  std::string path;
  xclbin::Xclbin file;
  package::Package package;
};

/// Errors: what is wrong with the file, naming it.
absl::StatusOr<std::shared_ptr<const LoadedXclbin>> load_xclbin(const std::string& path);

/// The names of its models, for a message: "jets, taus".
std::string model_names(const LoadedXclbin& loaded);

/// The index of the model of that name, or of the only one for an empty name.
/// Errors: InvalidArgument with the list of models.
absl::StatusOr<size_t> find_model(const LoadedXclbin& loaded, const std::string& name);

/// The in-process emulator's plans, one a model.
using Plans = std::shared_ptr<const std::vector<emulator::Emulator>>;
/// Errors: Unimplemented for a model that the emulator does not take.
absl::StatusOr<Plans> make_plans(const LoadedXclbin& loaded);

/// How `device::open_device` is to be called for it: tensors of each kernel, and the emulator behind "emulator", whose
/// plans are made when that device is opened.
device::OpenOptions open_options(std::shared_ptr<const LoadedXclbin> loaded, int threads);

/// `Session::open` of an xclbin that is loaded already.
absl::StatusOr<std::unique_ptr<Session>> open_session(std::shared_ptr<const LoadedXclbin> loaded,
                                                      const SessionOptions& options);

/// The engine of the device "emulator" over plans that are made already.
std::unique_ptr<device::InProcessEngine> make_engine(Plans plans);

}  // namespace strobe::session
