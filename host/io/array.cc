#include "host/io/array.h"

#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

static_assert(std::endian::native == std::endian::little, "strobe::io assumes a little-endian host");

namespace strobe::io {
namespace {

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// Calls `use` with a value of the element's own type.
template <typename Use>
auto visit(DType dtype, const std::byte* at, const Use& use) {
  switch (dtype) {
    case DType::kInt8:
      return use(load<int8_t>(at));
    case DType::kInt16:
      return use(load<int16_t>(at));
    case DType::kInt32:
      return use(load<int32_t>(at));
    case DType::kInt64:
      return use(load<int64_t>(at));
    case DType::kUint8:
      return use(load<uint8_t>(at));
    case DType::kUint16:
      return use(load<uint16_t>(at));
    case DType::kUint32:
      return use(load<uint32_t>(at));
    case DType::kUint64:
      return use(load<uint64_t>(at));
    case DType::kFloat32:
      return use(load<float>(at));
    case DType::kFloat64:
      break;
  }
  return use(load<double>(at));
}

template <typename T>
bool fits_int64(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return value == std::floor(value) && value >= static_cast<T>(-9223372036854775808.0) &&
           value < static_cast<T>(9223372036854775808.0);
  } else if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
    return value <= static_cast<T>(INT64_MAX);
  } else {
    return true;
  }
}

}  // namespace

int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
    case DType::kUint8:
      return 1;
    case DType::kInt16:
    case DType::kUint16:
      return 2;
    case DType::kInt32:
    case DType::kUint32:
    case DType::kFloat32:
      return 4;
    default:
      return 8;
  }
}

bool is_float(DType dtype) { return dtype == DType::kFloat32 || dtype == DType::kFloat64; }

std::string_view to_string(DType dtype) {
  constexpr std::string_view kNames[] = {"int8",   "int16",  "int32",  "int64",   "uint8",
                                         "uint16", "uint32", "uint64", "float32", "float64"};
  return kNames[static_cast<size_t>(dtype)];
}

int64_t Array::row_elements() const {
  int64_t count = 1;
  for (size_t i = 1; i < shape_.size(); ++i) count *= shape_[i];
  return count;
}

double Array::number(int64_t index) const {
  return visit(dtype_, bytes_.data() + index * size_of(dtype_), [](auto value) { return static_cast<double>(value); });
}

std::vector<double> Array::numbers() const {
  std::vector<double> all(static_cast<size_t>(elements()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = number(static_cast<int64_t>(i));
  return all;
}

absl::StatusOr<std::vector<int64_t>> Array::integers() const {
  std::vector<int64_t> all(static_cast<size_t>(elements()));
  for (size_t i = 0; i < all.size(); ++i) {
    const bool fits = visit(dtype_, bytes_.data() + static_cast<int64_t>(i) * size_of(dtype_), [&](auto value) {
      if (!fits_int64(value)) return false;
      all[i] = static_cast<int64_t>(value);
      return true;
    });
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected an integer, found ", number(static_cast<int64_t>(i)), " at element ", i));
    }
  }
  return all;
}

std::string shape_text(const std::vector<int64_t>& shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

std::string Array::to_string() const {
  return absl::StrCat(std::string(io::to_string(dtype_)), " ", shape_text(shape_));
}

absl::StatusOr<int64_t> count_elements(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) return absl::InvalidArgumentError(absl::StrCat("a negative extent in shape ", shape_text(shape)));
    empty = empty || extent == 0;
    if (extent > 0 && count > INT64_MAX / 16 / extent) {
      return absl::InvalidArgumentError(absl::StrCat("too many elements in shape ", shape_text(shape)));
    }
    count *= extent == 0 ? 1 : extent;
  }
  return empty ? 0 : count;
}

}  // namespace strobe::io
