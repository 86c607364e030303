#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace strobe::device {

/// What a card (or its emulation) is and holds, for people and for choosing one.
struct DeviceInfo {
  std::string id;       ///< as the user names it: "emulator", "xrt:0", "opencl:0"
  std::string name;     ///< the shell's name or "in-process emulator"
  std::string backend;  ///< "emulator", "xrt", "opencl"
  std::string target;   ///< "emulator", "sw_emu", "hw_emu", "hw"
  std::string detail;   ///< XRT's version, PCIe address, SIMD width...
  std::string why;      ///< of an opened device: why it was chosen, for people
};

/// The buffers of one launch on one kernel: filled by the caller, read back by the caller, never allocated per launch.
///
/// Life: fill `input(i)` -> `start(rows, done)` -> `done` is called once -> read `output(i)`. A slot is free again when
/// its outputs have been read; it never has two launches in flight. Not thread-safe; different slots are independent.
class Slot {
 public:
  virtual ~Slot() = default;
  /// Rows that one launch can hold.
  virtual size_t capacity_rows() const = 0;
  /// Bytes of the kernel's i-th input or output tensor buffer: rows of little-endian containers, back to back.
  virtual std::span<std::byte> input(size_t i) = 0;
  virtual std::span<const std::byte> output(size_t i) const = 0;
  /// Sends the first `rows` rows of every input, runs the kernel, brings back the first `rows` rows of every output.
  /// `done` is called exactly once, with the launch's status, from a thread of the device (or from the caller's before
  /// `start` returns); it must not block and must not start another launch of the same slot from inside.
  /// Errors reach `done`: Unavailable when the device died (the Device is then lost: destroy and open anew).
  virtual void start(size_t rows, std::function<void(absl::Status)> done) = 0;
};

/// One kernel (model) of the xclbin that a device holds.
struct KernelInfo {
  std::string name;
  int compute_units = 1;
  std::vector<int64_t> input_row_bytes;   ///< per input tensor
  std::vector<int64_t> output_row_bytes;  ///< per output tensor
  /// Of a kernel that reads parameters from the card's memory (a forest engine): how many it takes. 0: it takes none.
  int64_t parameter_bytes = 0;
};

/// What a kernel with parameters computes by: a forest of a forest engine.
struct Parameters {
  std::span<const std::byte> image;                        ///< as the kernel reads it
  std::string model;                                       ///< the same as the in-process engine takes it
  std::vector<int64_t> input_row_bytes, output_row_bytes;  ///< of rows with these parameters, per tensor
};

/// A card, an emulated card or the in-process emulator, holding one xclbin. Opened by `open_device` (open.h).
class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;
  virtual const std::vector<KernelInfo>& kernels() const = 0;
  /// A new slot of `rows` rows for kernel `kernel` (index into `kernels()`) on compute unit `unit`.
  virtual absl::StatusOr<std::unique_ptr<Slot>> make_slot(size_t kernel, int unit, size_t rows) = 0;
  /// The same device, in which launches of kernel `kernel` use `parameters`: its rows are theirs, and all its slots are
  /// made with them. They are complete on the device when this returns and stay until that device and its slots are
  /// gone; launches of others, with parameters of their own, go on meanwhile. Before parameters are loaded such a
  /// kernel has no slots. Errors: InvalidArgument where the kernel takes no parameters, ResourceExhausted for too many
  /// bytes, Unavailable where the device died.
  virtual absl::StatusOr<std::unique_ptr<Device>> with_parameters(size_t kernel, const Parameters& parameters) {
    return absl::UnimplementedError(
        absl::StrCat("kernel ", kernel, " takes no parameters on this device (", parameters.image.size(), " bytes)"));
  }
  /// OK while the device answers; Unavailable with the reason once it died.
  virtual absl::Status health() const = 0;
};

}  // namespace strobe::device
