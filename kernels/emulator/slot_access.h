#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/emulator/plan.h"

namespace strobe::emulator {

namespace slot_access_internal {

template <class T>
inline T load_as(const std::byte* place) {
  T value;
  std::memcpy(&value, place, sizeof(value));
  return value;
}

template <class T>
inline void store_as(uint64_t value, std::byte* place) {
  const auto low = static_cast<T>(value);
  std::memcpy(place, &low, sizeof(low));
}

}  // namespace slot_access_internal

/// An event's value in a slot of 64 bits at most.
inline int64_t load_value(const Slot& slot, const std::byte* arena, size_t event) {
  using namespace slot_access_internal;
  const std::byte* place = arena + slot.offset + event * lane_bytes(slot.lane);
  if (slot.lane == Lane::k16) return load_as<int16_t>(place);
  if (slot.lane == Lane::k32) return load_as<int32_t>(place);
  return load_as<int64_t>(place);
}

/// Stores the lane's low bits of `value`.
inline void store_value(uint64_t value, const Slot& slot, std::byte* arena, size_t event) {
  using namespace slot_access_internal;
  std::byte* place = arena + slot.offset + event * lane_bytes(slot.lane);
  if (slot.lane == Lane::k16) return store_as<uint16_t>(value, place);
  if (slot.lane == Lane::k32) return store_as<uint32_t>(value, place);
  store_as<uint64_t>(value, place);
}

}  // namespace strobe::emulator
