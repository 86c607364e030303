#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

/// The C++ interface of strobe: an xclbin, opened on a device, and events through it.
namespace strobe {

/// A tensor at a model's border.
struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;  ///< of one event
  std::string type;            ///< fixed-point type for people
  int container_bits = 16;     ///< of each element in a row: 8, 16, 32 or 64, little-endian raw values
  size_t row_bytes = 0;
};

struct ModelInfo {
  std::string name;  ///< of its kernel
  std::vector<TensorInfo> inputs, outputs;
};

struct SessionOptions {
  std::string device = "auto";  ///< "auto", "emulator", "xrt:N" or "opencl:N"
  int threads = 1;              ///< of the in-process emulator
  std::string forest;           ///< a forest file (`.sfi`) for the xclbin's forest engine
  std::string forest_engine;    ///< that engine's name, where the xclbin has several
};

/// One xclbin on one device. Thread-safe.
class Session {
 public:
  /// Reads the xclbin and opens the device. Errors: those of the file (what is wrong with it) and of the device
  /// (InvalidArgument, NotFound, Unavailable).
  static absl::StatusOr<std::unique_ptr<Session>> open(const std::string& xclbin, const SessionOptions& options = {});
  virtual ~Session() = default;

  virtual const std::vector<ModelInfo>& models() const = 0;
  /// The device that runs the events and why it was chosen: "xrt:0 (sw_emu): the xclbin was built for it".
  virtual std::string device_text() const = 0;
  /// "emulator", "xrt" or "opencl".
  virtual std::string backend() const = 0;

  /// Runs `rows` events of model `model`. `inputs[i]` holds `rows` rows of the i-th input tensor, `outputs[o]` takes
  /// those of the o-th output: raw values in containers, row-major. `progress` (may be empty) hears of finished rows.
  /// Errors: InvalidArgument for wrong sizes, Unavailable where the device died.
  virtual absl::Status run(size_t model, size_t rows, std::span<const std::span<const std::byte>> inputs,
                           std::span<const std::span<std::byte>> outputs,
                           const std::function<void(size_t)>& progress = {}) = 0;
};

}  // namespace strobe
