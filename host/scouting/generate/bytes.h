#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "host/scouting/core/buffer.h"
#include "host/scouting/core/bytes.h"

namespace strobe::scouting {

/// Appends a plain value's bytes.
template <typename T>
void put(const T& value, Buffer<std::byte>& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(std::as_bytes(std::span(&value, 1)));
}

/// Overwrites bytes from `at` on.
template <typename T>
void put_at(size_t at, const T& value, Buffer<std::byte>& bytes) {
  store(bytes.data() + at, value);
}

template <typename T>
T get_at(size_t at, std::span<const std::byte> bytes) {
  return load<T>(bytes.data() + at);
}

}  // namespace strobe::scouting
