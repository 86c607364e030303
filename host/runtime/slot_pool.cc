#include "host/runtime/slot_pool.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::runtime {
namespace {

/// A busy unit gets another launch when this part of a slot is filled.
constexpr size_t kGatheredShare = 4;

absl::Status check_tensors(const device::KernelInfo& kernel, std::string_view direction,
                           const std::vector<int64_t>& row_bytes, const std::vector<TensorSpec>& tensors) {
  if (row_bytes.size() != tensors.size()) {
    return absl::FailedPreconditionError(absl::StrCat("kernel '", kernel.name, "' has ", row_bytes.size(), " ",
                                                      std::string(direction), "s, its model has ", tensors.size()));
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (row_bytes[i] == tensors[i].type.row_bytes()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "kernel '", kernel.name, "': ", std::string(direction), " '", tensors[i].name, "' has rows of ", row_bytes[i],
        " bytes, its model's type ", tensors[i].type.to_string(), " has ", tensors[i].type.row_bytes()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SlotPool> SlotPool::make(std::shared_ptr<device::Device> device, const ModelSpec& spec,
                                        int slots_per_unit, size_t rows) {
  if (spec.kernel >= device->kernels().size()) {
    return absl::FailedPreconditionError(absl::StrCat("device '", device->info().id, "' holds ",
                                                      device->kernels().size(), " kernels, model '", spec.name,
                                                      "' wants number ", spec.kernel));
  }
  const device::KernelInfo& kernel = device->kernels()[spec.kernel];
  if (absl::Status s = check_tensors(kernel, "input", kernel.input_row_bytes, spec.inputs); !s.ok()) return s;
  if (absl::Status s = check_tensors(kernel, "output", kernel.output_row_bytes, spec.outputs); !s.ok()) return s;

  SlotPool pool;
  pool.capacity_rows_ = std::numeric_limits<size_t>::max();
  pool.units_.resize(static_cast<size_t>(std::max(1, kernel.compute_units)));
  for (size_t unit = 0; unit < pool.units_.size(); ++unit) {
    for (int i = 0; i < slots_per_unit; ++i) {
      absl::StatusOr<std::unique_ptr<device::Slot>> slot = device->make_slot(spec.kernel, static_cast<int>(unit), rows);
      if (!slot.ok()) return slot.status();
      pool.capacity_rows_ = std::min(pool.capacity_rows_, (*slot)->capacity_rows());
      pool.slots_.push_back(std::make_unique<PooledSlot>());
      pool.slots_.back()->slot = *std::move(slot);
      pool.slots_.back()->unit = unit;
      pool.units_[unit].free.push_back(pool.slots_.back().get());
    }
  }
  if (pool.capacity_rows_ == 0) {
    return absl::FailedPreconditionError(absl::StrCat("device '", device->info().id, "' gives slots without a row"));
  }
  pool.device_ = std::move(device);
  return pool;
}

PooledSlot* SlotPool::take(size_t rows, const PooledSlot* except) {
  Unit* best = nullptr;
  for (Unit& unit : units_) {
    const bool some = unit.free.size() > 1 || (unit.free.size() == 1 && unit.free[0] != except);
    if (some && (best == nullptr || unit.in_flight < best->in_flight)) best = &unit;
  }
  const bool worth_it = best != nullptr && (best->in_flight == 0 || rows >= capacity_rows_ / kGatheredShare);
  if (!worth_it) return nullptr;
  if (best->free.back() == except) std::swap(best->free.front(), best->free.back());
  PooledSlot* slot = best->free.back();
  best->free.pop_back();
  ++best->in_flight;
  slot->parts.clear();
  slot->refused.clear();
  slot->rows = 0;
  return slot;
}

void SlotPool::give_back(PooledSlot* slot) {
  Unit& unit = units_[slot->unit];
  unit.free.push_back(slot);
  --unit.in_flight;
}

}  // namespace strobe::runtime
