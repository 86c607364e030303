#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Numbers and hashes in forest images and forest files.
namespace strobe::layers {

/// Appends the lowest `size` bytes of a number, little-endian.
inline void put_bytes(std::string& bytes, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
}

/// The little-endian number of `size` bytes at a place that the caller has checked.
inline uint64_t get_bytes(std::string_view bytes, size_t at, int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

/// FNV-1a of 64 bits. `hash` is that of the bytes before.
inline uint64_t fnv1a(std::string_view bytes, uint64_t hash = 0xcbf29ce484222325) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace strobe::layers
