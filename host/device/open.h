#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "host/device/device.h"
#include "platform/xclbin/xclbin.h"

namespace strobe::device {

/// Runs an xclbin's models without XRT; the emulator behind the device "emulator". Thread-safe: several runs at a time.
class InProcessEngine {
 public:
  virtual ~InProcessEngine() = default;
  /// Kernel `kernel` (index into OpenOptions::kernels) over `rows` rows of every tensor, in the layout of `Slot`.
  virtual absl::Status run(size_t kernel, size_t rows, std::span<const std::span<const std::byte>> inputs,
                           std::span<const std::span<std::byte>> outputs) = 0;
  /// An engine that runs kernel `kernel` with these parameters (`Parameters::model`), and the others as this one.
  virtual absl::StatusOr<std::unique_ptr<InProcessEngine>> with_parameters(size_t kernel, const std::string& model) {
    return absl::UnimplementedError(absl::StrCat("kernel ", kernel, " takes no parameters (", model.size(), " bytes)"));
  }
  /// For people: "AVX-512" and the like.
  virtual std::string description() const { return {}; }
};

struct OpenOptions {
  /// The tensors of the xclbin's kernels, by kernel name. `compute_units` is taken from the xclbin.
  std::vector<KernelInfo> kernels;
  /// Makes the engine of the device "emulator"; without it that device does not exist.
  std::function<absl::StatusOr<std::unique_ptr<InProcessEngine>>()> engine;
  /// Of the device "emulator": 1 runs inside `Slot::start`, more run on a pool of that size.
  int threads = 1;
  /// A launch on an emulated or real card that takes longer counts as the card's death.
  int launch_timeout_ms = 60'000;
  /// Folder with strobe's helpers; empty: beside the program, where the build and the installation put it.
  std::string libexec;
};

/// Opens a device and loads the xclbin into it. `device_id`: "auto", "emulator", "xrt:N" or "opencl:N".
///
/// "auto" takes a card that matches the xclbin's platform, else the emulation that the xclbin was built for, else
/// "emulator"; `info().why` says which and why. A device named by the caller is opened or the error says why not: it
/// never falls back. InvalidArgument: unknown id, or an xclbin that the device cannot take; NotFound: no such card;
/// Unavailable: XRT or a helper is missing, or the card does not come up.
absl::StatusOr<std::unique_ptr<Device>> open_device(const xclbin::Xclbin& xclbin, std::string_view device_id,
                                                    const OpenOptions& options);

/// What could be opened on this machine: the in-process emulator, XRT's emulation, cards. What is missing is listed
/// with its reason in `detail` and an empty `target`.
std::vector<DeviceInfo> list_devices(const OpenOptions& options);

}  // namespace strobe::device
