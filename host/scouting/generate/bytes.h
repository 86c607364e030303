#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "host/scouting/core/buffer.h"

namespace strobe::scouting {

static_assert(std::endian::native == std::endian::little, "the links' words are stored as they lie in memory");

/// Appends a plain value's bytes.
template <typename T>
void put(const T& value, Buffer<std::byte>& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(std::as_bytes(std::span(&value, 1)));
}

/// Overwrites bytes from `at` on.
template <typename T>
void put_at(size_t at, const T& value, Buffer<std::byte>& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

template <typename T>
T get_at(size_t at, std::span<const std::byte> bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

}  // namespace strobe::scouting
