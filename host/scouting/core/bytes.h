#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace strobe::scouting {

static_assert(std::endian::native == std::endian::little,
              "the links' words are read and written as they lie in memory");

/// A plain little-endian value from anywhere, aligned or not.
template <typename T>
T load(const std::byte* from) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

/// Writes a plain value's bytes to anywhere.
template <typename T>
void store(std::byte* to, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace strobe::scouting
