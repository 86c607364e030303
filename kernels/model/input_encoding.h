#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "kernels/model/fixed_type.h"

namespace strobe::model {

/// How numbers from outside become the raw values of a graph's input.
struct InputEncoding {
  enum class Kind : uint8_t {
    kFixedPoint,    ///< by the type's rounding and overflow; infinities are errors
    kOrderedFloat,  ///< `ordered_key` of the number as FP32, in elements of ap_int<32>; infinities are numbers
  };
  Kind kind = Kind::kFixedPoint;
  /// The raw value that stands for "missing": NaN becomes it, and no number does (one that would fall on it goes to the
  /// value beside it and is counted as saturated). Absent: a NaN is an error.
  std::optional<int64_t> missing;

  bool operator==(const InputEncoding&) const = default;
  std::string to_string() const;  ///< "", "float32 keys, missing = -2147483648", "missing = -32768"
};

/// The type of elements of InputEncoding::Kind::kOrderedFloat.
inline constexpr FixedType kOrderedFloatType = {true, 32, 32, Rounding::kTrn, Overflow::kWrap};
/// The missing value there: less than the key of any number.
inline constexpr int64_t kOrderedFloatMissing = std::numeric_limits<int32_t>::min();

/// The missing value of a fixed-point type: the smallest raw value of a signed one, the largest of an unsigned one.
int64_t missing_code(const FixedType& type);

/// An integer for each FP32 number but NaN, in the numbers' order; 0 for both zeros.
constexpr int32_t ordered_key(float value) {
  const auto bits = std::bit_cast<int32_t>(value + 0.0F);  // -0 + 0 is +0
  return bits >= 0 ? bits : bits ^ 0x7fffffff;
}
constexpr float from_ordered_key(int32_t key) { return std::bit_cast<float>(key >= 0 ? key : key ^ 0x7fffffff); }

}  // namespace strobe::model
