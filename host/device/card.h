#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/device/device.h"
#include "platform/xclbin/xclbin.h"

/// A card driven by XRT or OpenCL in this process. The implementations are plugins (libstrobe_xrt.so,
/// libstrobe_opencl.so), opened with dlopen: the strobe program starts on machines without XRT, and one and the same
/// plugin drives real cards in the strobe process and emulated ones in a worker process.
namespace strobe::device {

class Card {
 public:
  virtual ~Card() = default;
  virtual std::string name() const = 0;
  virtual std::string detail() const = 0;
  /// Keeps parameters of a kernel for slots that name their number; a copy is taken. Numbers count from 1.
  virtual absl::Status add_parameters(uint32_t parameters, std::span<const std::byte> image) = 0;
  /// Slots that were made with them keep theirs.
  virtual void remove_parameters(uint32_t parameters) = 0;
  /// Prepares launches from and to buffers of the caller's (page-aligned, `rows` rows each, alive until `remove_slot`),
  /// with the parameters of that number; 0: the kernel takes none.
  virtual absl::Status add_slot(uint32_t slot, size_t kernel, int unit, size_t rows, uint32_t parameters,
                                std::span<const std::span<std::byte>> inputs,
                                std::span<const std::span<std::byte>> outputs) = 0;
  virtual void remove_slot(uint32_t slot) = 0;
  /// As `Slot::start`. May be called from several threads, for different slots; not while slots are added or removed.
  virtual void start(uint32_t slot, size_t rows, std::function<void(absl::Status)> done) = 0;
};

struct CardRequest {
  const xclbin::Xclbin* xclbin = nullptr;
  std::string image;                ///< the xclbin's bytes
  int index = 0;                    ///< of the card on this machine
  std::vector<KernelInfo> kernels;  ///< checked against the xclbin
};

/// What a plugin exports.
struct CardPlugin {
  absl::StatusOr<std::unique_ptr<Card>> (*open)(CardRequest request);
  /// Names of the cards present, as their shells call themselves.
  absl::StatusOr<std::vector<std::string>> (*list)();
};
using CardPluginEntry = const CardPlugin* (*)();
inline constexpr char kCardPluginEntry[] = "strobe_card_plugin";

/// Opens `<libexec>/libstrobe_<backend>.so`; stays open until the process ends, as XRT cannot be unloaded. NotFound
/// with the loader's words where it or XRT is missing.
absl::StatusOr<const CardPlugin*> load_card_plugin(const std::string& libexec, std::string_view backend);

/// The compute units of a kernel, as indices into `xclbin.compute_units`.
std::vector<int> units_of(const xclbin::Xclbin& xclbin, std::string_view kernel);

/// Whether the xclbin's kernels take what the description says: inputs, outputs, then the count of rows, and behind it
/// the parameters of those that take some. Fills in `compute_units`.
absl::Status match_kernels(const xclbin::Xclbin& xclbin, std::vector<KernelInfo>& kernels);

/// Whether `make_slot`'s arguments exist; InvalidArgument says which does not. FailedPrecondition for a kernel that
/// takes parameters and has none (`parameters` false).
absl::Status check_slot(const std::vector<KernelInfo>& kernels, size_t kernel, int unit, size_t rows, bool parameters);

/// Whether `with_parameters` can take these; then the kernel's rows are theirs.
absl::Status take_parameters(std::vector<KernelInfo>& kernels, size_t kernel, const Parameters& parameters);

}  // namespace strobe::device
