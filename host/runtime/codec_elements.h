#pragma once

#include <cstddef>
#include <cstring>

#include "host/runtime/codec.h"

/// Single elements in memory, as the codec reads and writes them. Inlined into loops of any instruction set.
namespace strobe::runtime {

template <typename T>
T load(const std::byte* from, size_t index) {
  T value;
  std::memcpy(&value, from + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void store(std::byte* to, size_t index, T value) {
  std::memcpy(to + index * sizeof(T), &value, sizeof(T));
}

/// Calls `visit` with a value of the machine type that `kind` names.
template <typename Visitor>
auto with_kind(ElementKind kind, Visitor visit) {
  switch (kind) {
    case ElementKind::kInt8:
      return visit(int8_t{});
    case ElementKind::kInt16:
      return visit(int16_t{});
    case ElementKind::kInt32:
      return visit(int32_t{});
    case ElementKind::kInt64:
      return visit(int64_t{});
    case ElementKind::kUint8:
      return visit(uint8_t{});
    case ElementKind::kUint16:
      return visit(uint16_t{});
    case ElementKind::kUint32:
      return visit(uint32_t{});
    case ElementKind::kUint64:
      return visit(uint64_t{});
    case ElementKind::kFloat32:
      return visit(float{});
    case ElementKind::kFloat64:
      break;
  }
  return visit(double{});
}

/// The value of a container of 1, 2, 4 or 8 bytes.
inline int64_t load_raw(const std::byte* from, size_t element, size_t container_bytes, bool is_signed) {
  switch (container_bytes) {
    case 1:
      return is_signed ? int64_t{load<int8_t>(from, element)} : int64_t{load<uint8_t>(from, element)};
    case 2:
      return is_signed ? int64_t{load<int16_t>(from, element)} : int64_t{load<uint16_t>(from, element)};
    case 4:
      return is_signed ? int64_t{load<int32_t>(from, element)} : int64_t{load<uint32_t>(from, element)};
    default:
      return load<int64_t>(from, element);
  }
}

}  // namespace strobe::runtime
