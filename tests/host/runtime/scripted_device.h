#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "host/device/device.h"
#include "host/runtime/request.h"

namespace strobe::testing {

class ScriptedDevice;

/// What a scripted device should be.
struct Script {
  device::KernelInfo kernel;
  /// Writes `rows` rows of every output of a slot from its inputs.
  std::function<void(device::Slot&, std::vector<std::vector<std::byte>>& outputs, size_t rows)> compute;
  /// True: launches finish inside `start`. False: the test finishes them.
  bool automatic = false;
};

/// A slot in ordinary memory.
class ScriptedSlot : public device::Slot {
 public:
  ScriptedSlot(ScriptedDevice& device, const Script& script, size_t kernel, int unit, size_t rows)
      : device_(device), script_(script), kernel_(kernel), unit_(unit), rows_(rows) {
    for (int64_t bytes : script.kernel.input_row_bytes) inputs_.emplace_back(static_cast<size_t>(bytes) * rows);
    for (int64_t bytes : script.kernel.output_row_bytes) outputs_.emplace_back(static_cast<size_t>(bytes) * rows);
  }
  size_t capacity_rows() const override { return rows_; }
  std::span<std::byte> input(size_t i) override { return inputs_[i]; }
  std::span<const std::byte> output(size_t i) const override { return outputs_[i]; }
  void start(size_t rows, std::function<void(absl::Status)> done) override;
  size_t kernel() const { return kernel_; }
  int unit() const { return unit_; }
  bool automatic() const { return script_.automatic; }
  void compute(size_t rows) { script_.compute(*this, outputs_, rows); }

 private:
  ScriptedDevice& device_;
  const Script& script_;
  size_t kernel_;
  int unit_;
  size_t rows_;
  std::vector<std::vector<std::byte>> inputs_, outputs_;
};

/// A device whose launches a test watches and finishes by hand.
class ScriptedDevice : public device::Device {
 public:
  struct Launch {
    ScriptedSlot* slot;
    size_t rows;
    std::function<void(absl::Status)> done;
  };

  /// One script a kernel.
  explicit ScriptedDevice(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
    info_ = {"scripted", "scripted device", "scripted", "test", ""};
    for (const Script& script : scripts_) kernels_.push_back(script.kernel);
  }
  explicit ScriptedDevice(Script script) : ScriptedDevice(std::vector<Script>{std::move(script)}) {}
  const device::DeviceInfo& info() const override { return info_; }
  const std::vector<device::KernelInfo>& kernels() const override { return kernels_; }
  absl::StatusOr<std::unique_ptr<device::Slot>> make_slot(size_t kernel, int unit, size_t rows) override {
    return std::make_unique<ScriptedSlot>(*this, scripts_[kernel], kernel, unit, rows);
  }
  absl::Status health() const override {
    const std::lock_guard lock(mutex_);
    return health_;
  }
  void set_health(absl::Status status) {
    const std::lock_guard lock(mutex_);
    health_ = std::move(status);
  }

  void start(Launch launch) {
    if (launch.slot->automatic()) {
      launch.slot->compute(launch.rows);
      launch.done(absl::OkStatus());
      return;
    }
    const std::lock_guard lock(mutex_);
    launches_.push_back(std::move(launch));
    sizes_.push_back(launches_.back().rows);
    changed_.notify_all();
  }
  /// Rows of every launch so far, in order, once there are at least `count`. Empty after ten seconds without.
  std::vector<size_t> wait_for_launches(size_t count) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, std::chrono::seconds(10), [&] { return sizes_.size() >= count; });
    return came ? sizes_ : std::vector<size_t>();
  }
  size_t in_flight() {
    const std::lock_guard lock(mutex_);
    return launches_.size();
  }
  size_t in_flight_of(size_t kernel) {
    const std::lock_guard lock(mutex_);
    const auto of_kernel = [&](const Launch& launch) { return launch.slot->kernel() == kernel; };
    return static_cast<size_t>(std::count_if(launches_.begin(), launches_.end(), of_kernel));
  }
  /// Units of the launches in flight, oldest first.
  std::vector<int> units_in_flight() {
    const std::lock_guard lock(mutex_);
    std::vector<int> units;
    for (const Launch& launch : launches_) units.push_back(launch.slot->unit());
    return units;
  }
  std::vector<const ScriptedSlot*> slots_in_flight() {
    const std::lock_guard lock(mutex_);
    std::vector<const ScriptedSlot*> slots;
    for (const Launch& launch : launches_) slots.push_back(launch.slot);
    return slots;
  }
  /// Finishes the oldest launch in flight.
  void finish(absl::Status status = absl::OkStatus()) {
    Launch launch;
    {
      const std::lock_guard lock(mutex_);
      launch = std::move(launches_.front());
      launches_.pop_front();
    }
    if (status.ok()) launch.slot->compute(launch.rows);
    launch.done(std::move(status));
  }

 private:
  const std::vector<Script> scripts_;
  device::DeviceInfo info_;
  std::vector<device::KernelInfo> kernels_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  absl::Status health_;
  std::deque<Launch> launches_;
  std::vector<size_t> sizes_;
};

inline void ScriptedSlot::start(size_t rows, std::function<void(absl::Status)> done) {
  device_.start({this, rows, std::move(done)});
}

/// A model of `columns` 16-bit numbers in, the same doubled (wrapping) out: `y = 2 x` in raw values.
inline Script doubling_script(int64_t columns, int units = 1) {
  Script script;
  script.kernel = {"doubling", units, {2 * columns}, {2 * columns}};
  script.compute = [columns](device::Slot& slot, std::vector<std::vector<std::byte>>& outputs, size_t rows) {
    for (size_t i = 0; i < rows * static_cast<size_t>(columns); ++i) {
      uint16_t value;
      std::memcpy(&value, slot.input(0).data() + 2 * i, 2);
      value = static_cast<uint16_t>(2 * value);
      std::memcpy(outputs[0].data() + 2 * i, &value, 2);
    }
  };
  return script;
}

/// The tensors of the doubling model: `x` is ap_fixed<16,6,AP_RND,AP_SAT>, `y` ap_fixed<16,7>. The raw value doubles
/// and has one binary place fewer, so y = 4 x as a number.
inline runtime::ModelSpec doubling_spec(int64_t columns, runtime::DeviceFactory open_device) {
  const auto in = model::FixedType::fixed(16, 6, model::Rounding::kRnd, model::Overflow::kSat);
  runtime::ModelSpec spec;
  spec.name = "doubling";
  spec.inputs = {{"x", {{columns}, {in}}}};
  spec.outputs = {{"y", {{columns}, {model::FixedType::fixed(16, 7)}}}};
  spec.open_device = std::move(open_device);
  return spec;
}

}  // namespace strobe::testing
