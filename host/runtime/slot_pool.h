#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/device/device.h"
#include "host/runtime/request.h"

namespace strobe::runtime {

/// Some rows of one request, inside one launch.
struct Part {
  Request* request;
  size_t request_row;  ///< first row within the request
  size_t slot_row;     ///< first row within the slot
  size_t rows;
};

/// A slot with what is in it.
struct PooledSlot {
  std::unique_ptr<device::Slot> slot;
  size_t unit = 0;
  std::vector<Part> parts;
  size_t rows = 0;
  /// Parts whose values did not convert, with the reason: not in `parts`.
  std::vector<std::pair<Part, absl::Status>> refused;
  int64_t started_ns = 0;  ///< when the launch was handed to the device
  int64_t input_ns = 0;    ///< converting into it
  int64_t infer_ns = 0;    ///< from start to the device's answer
  int64_t output_ns = 0;   ///< converting out of it
};

/// The slots of one kernel on one opened device: a few per compute unit. Not thread-safe: the runner's lock guards it.
class SlotPool {
 public:
  /// Makes `slots_per_unit` slots of `rows` rows on each compute unit of the spec's kernel.
  /// Errors: the device's own; FailedPrecondition where the kernel's tensors are not those of `spec`.
  static absl::StatusOr<SlotPool> make(std::shared_ptr<device::Device> device, const ModelSpec& spec,
                                       int slots_per_unit, size_t rows);

  /// Takes a slot for `rows` waiting rows from the unit with the fewest launches in flight, but not `except`. Null
  /// while every unit is busy: a unit with something in flight takes more only where the rows make a launch of some
  /// size, for a small one gains more by gathering.
  PooledSlot* take(size_t rows, const PooledSlot* except = nullptr);
  void give_back(PooledSlot* slot);
  /// Rows that fit every slot.
  size_t capacity_rows() const { return capacity_rows_; }
  const device::Device& device() const { return *device_; }

 private:
  struct Unit {
    std::vector<PooledSlot*> free;
    size_t in_flight = 0;
  };
  std::shared_ptr<device::Device> device_;  // outlives the slots
  std::vector<std::unique_ptr<PooledSlot>> slots_;
  std::vector<Unit> units_;
  size_t capacity_rows_ = 0;
};

}  // namespace strobe::runtime
