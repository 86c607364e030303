#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "host/runtime/shared_device.h"
#include "host/session/loaded_xclbin.h"

namespace strobe::session {

/// Joins models of xclbins with devices for `runtime::ModelRunner`. Models of one xclbin, told by its UUID, share a
/// device, which is opened when the first of them runs. Not thread-safe; what it hands out is.
class DeviceShare {
 public:
  using Log = std::function<void(const std::string&)>;
  /// `device`: "auto", "emulator", "xrt:N" or "opencl:N"; `threads`: of the in-process emulator, for each xclbin. `log`
  /// hears which device was opened and why, from the thread that opens it.
  DeviceShare(std::string device, int threads, Log log)
      : device_(std::move(device)), threads_(threads), log_(std::move(log)) {}

  /// Model `index` of the xclbin, its tensors and how its device is opened.
  runtime::ModelSpec spec(const std::shared_ptr<const LoadedXclbin>& loaded, size_t index);
  /// The same of a forest engine: `with_forest` is `loaded` with a forest in model `index`.
  runtime::ModelSpec forest_spec(const std::shared_ptr<const LoadedXclbin>& loaded, const LoadedXclbin& with_forest,
                                 size_t index);

 private:
  std::shared_ptr<runtime::SharedDevice> shared(const std::shared_ptr<const LoadedXclbin>& loaded);

  const std::string device_;
  const int threads_;
  const Log log_;
  std::map<std::string, std::shared_ptr<runtime::SharedDevice>> devices_;  ///< by UUID
};

}  // namespace strobe::session
