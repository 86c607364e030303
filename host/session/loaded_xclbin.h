#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/device/open.h"
#include "kernels/emulator/emulator.h"
#include "kernels/layers/forest_engine/engine_shape.h"
#include "kernels/package/forest_file.h"
#include "kernels/package/package.h"
#include "platform/xclbin/xclbin.h"
#include "strobe/session.h"

namespace strobe::session {

/// An xclbin with the models that it carries.
struct LoadedXclbin {
  std::string path;
  xclbin::Xclbin file;
  package::Package package;
  std::map<size_t, layers::EngineShape> engines;  ///< models that are forest engines, by index
  /// The forests in them; the package then holds these forests' models in place of the engines'.
  std::map<size_t, std::shared_ptr<const package::ForestFile>> forests;
};

/// Errors: what is wrong with the file, naming it.
absl::StatusOr<std::shared_ptr<const package::ForestFile>> load_forest(const std::string& path);

/// The xclbin with a forest in one of its engines. Errors: InvalidArgument where that model is no engine,
/// ResourceExhausted where the forest does not fit.
absl::StatusOr<std::shared_ptr<const LoadedXclbin>> with_forest(const LoadedXclbin& loaded, size_t model,
                                                                std::shared_ptr<const package::ForestFile> forest);

/// The xclbin with the forest file `forest` in the engine of that name, or in its only engine for an empty one.
/// Errors: those of `load_forest` and `with_forest`, InvalidArgument where there is no such engine, or several.
absl::StatusOr<std::shared_ptr<const LoadedXclbin>> with_forest_file(const LoadedXclbin& loaded,
                                                                     const std::string& engine,
                                                                     const std::string& forest);

/// Whether the model can be run. FailedPrecondition for an engine without a forest.
absl::Status check_runnable(const LoadedXclbin& loaded, size_t model);

/// A forest as a device takes it.
device::Parameters parameters_of(const package::ForestFile& forest);

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
