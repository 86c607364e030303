#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/device/device.h"
#include "host/runtime/clock.h"
#include "host/runtime/codec.h"

namespace strobe::runtime {

/// Opens the device that holds a model's xclbin; called again after the device died.
using DeviceFactory = std::function<absl::StatusOr<std::shared_ptr<device::Device>>()>;

struct TensorSpec {
  std::string name;
  model::TensorType type;
  model::InputEncoding meaning;  ///< of an input
};

/// A model as the runtime sees it: its tensors in the kernel's order, and the device that runs it.
struct ModelSpec {
  std::string name;
  std::vector<TensorSpec> inputs, outputs;
  DeviceFactory open_device;
  size_t kernel = 0;  ///< index into Device::kernels()
};

/// Rows of one input tensor, row-major, owned by the caller.
struct InputRows {
  std::span<const std::byte> bytes;
  Encoding encoding;
};

/// Where the rows of one output tensor go. Empty: the caller does not want this tensor.
struct OutputRows {
  std::span<std::byte> bytes;
  Encoding encoding;
};

/// Rows to be run, and where their results go. The caller owns it and everything it points to, and leaves all of it
/// alone from `ModelRunner::submit` until `done` is called; then it may be filled and submitted anew.
struct Request {
  size_t rows = 0;
  std::vector<InputRows> inputs;    ///< one per input tensor of the model, `rows` rows each
  std::vector<OutputRows> outputs;  ///< one per output tensor of the model
  /// Not started after this time of the runner's clock: answered Unavailable.
  int64_t deadline_ns = Clock::kNever;
  /// Set at any time, by any thread: answered Cancelled if it has not been started.
  std::atomic<bool> cancelled{false};
  /// Called once with the outcome, from any thread (also from inside `submit`). Must not block, nor submit;
  /// may destroy the request.
  std::function<void(absl::Status)> done;

 private:
  friend class ModelRunner;
  /// Kept by the runner, under its lock.
  struct Progress {
    Request* next = nullptr;
    size_t rows_taken = 0;     ///< handed to launches
    size_t rows_answered = 0;  ///< finished, one way or another
    absl::Status status;
    int64_t submitted_ns = 0;
    int64_t started_ns = 0;
    int64_t input_ns = 0, infer_ns = 0, output_ns = 0;
  };
  Progress progress_;
};

}  // namespace strobe::runtime
