#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

/// Event and score files.
namespace strobe::io {

enum class DType : uint8_t { kInt8, kInt16, kInt32, kInt64, kUint8, kUint16, kUint32, kUint64, kFloat32, kFloat64 };

int64_t size_of(DType dtype);  ///< bytes of one element
bool is_float(DType dtype);
std::string_view to_string(DType dtype);  ///< "int16"

template <typename T>
constexpr DType dtype_of();

/// Numbers of a file: dtype, shape, and little-endian bytes in row-major order, which either lie in memory of their own
/// or are a part of a mapped file. Copies share the bytes, which nobody changes, so threads may share an Array.
class Array {
 public:
  Array() = default;
  /// Bytes that `owner` keeps alive. `bytes` must hold exactly the elements of `shape`.
  Array(DType dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
      : dtype_(dtype), shape_(std::move(shape)), bytes_(bytes), owner_(std::move(owner)) {}

  /// Takes the values over; their number must be the shape's.
  template <typename T>
  static Array of(std::vector<int64_t> shape, std::vector<T> values) {
    auto owned = std::make_shared<const std::vector<T>>(std::move(values));
    const auto bytes = std::as_bytes(std::span(*owned));
    return Array(dtype_of<T>(), std::move(shape), bytes, std::move(owned));
  }

  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t elements() const { return static_cast<int64_t>(bytes_.size()) / size_of(dtype_); }
  /// Extent of the first axis: the number of events. A scalar is one row.
  int64_t rows() const { return shape_.empty() ? 1 : shape_[0]; }
  /// Elements a row.
  int64_t row_elements() const;
  std::span<const std::byte> bytes() const { return bytes_; }

  /// The element at a row-major index as a double (a 64-bit integer beyond 2^53 is rounded).
  double number(int64_t index) const;
  /// All elements as doubles.
  std::vector<double> numbers() const;
  /// All elements as integers. Errors: InvalidArgument, with the index, for a number with a fraction, a NaN, or one
  /// beyond int64.
  absl::StatusOr<std::vector<int64_t>> integers() const;
  /// The elements in place. Empty where `T` is not the dtype or the bytes are not aligned for it.
  template <typename T>
  std::span<const T> view() const {
    if (dtype_ != dtype_of<T>() || reinterpret_cast<uintptr_t>(bytes_.data()) % alignof(T) != 0) return {};
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  /// "int16 [1024, 16]".
  std::string to_string() const;

 private:
  DType dtype_ = DType::kFloat64;
  std::vector<int64_t> shape_ = {0};
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

struct NamedArray {
  std::string name;
  Array array;
};

/// "[1024, 16]".
std::string shape_text(const std::vector<int64_t>& shape);

/// The elements of `shape`. Errors: InvalidArgument for a negative extent or more elements than int64 counts.
absl::StatusOr<int64_t> count_elements(const std::vector<int64_t>& shape);

template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::kFloat32;
  if constexpr (std::is_same_v<T, double>) return DType::kFloat64;
  constexpr bool kSigned = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 1) return kSigned ? DType::kInt8 : DType::kUint8;
  if constexpr (sizeof(T) == 2) return kSigned ? DType::kInt16 : DType::kUint16;
  if constexpr (sizeof(T) == 4) return kSigned ? DType::kInt32 : DType::kUint32;
  return kSigned ? DType::kInt64 : DType::kUint64;
}

}  // namespace strobe::io
