#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace strobe::model {

/// What happens to bits below the last kept one. The vendor's AP_* modes (UG1399, "ap_fixed quantization modes").
enum class Rounding : uint8_t {
  kTrn,        ///< towards minus infinity (AP_TRN, the default)
  kTrnZero,    ///< towards zero (AP_TRN_ZERO)
  kRnd,        ///< nearest, ties towards plus infinity (AP_RND)
  kRndZero,    ///< nearest, ties towards zero (AP_RND_ZERO)
  kRndMinInf,  ///< nearest, ties towards minus infinity (AP_RND_MIN_INF)
  kRndInf,     ///< nearest, ties away from zero (AP_RND_INF)
  kRndConv,    ///< nearest, ties to even (AP_RND_CONV)
};

/// What happens to a value outside the range. The vendor's AP_* modes (UG1399, "ap_fixed overflow modes").
enum class Overflow : uint8_t {
  kWrap,     ///< keep the low bits (AP_WRAP, the default)
  kSat,      ///< nearest limit (AP_SAT)
  kSatZero,  ///< zero (AP_SAT_ZERO)
  kSatSym,   ///< nearest limit of the symmetric range -max..max (AP_SAT_SYM)
};

/// A signed 128-bit integer: every exact intermediate of the reference fits it (the graph's verification sees to that).
using Wide = __int128;

/// A fixed-point number format: `raw * 2^-(width - integer)`.
///
/// `integer` counts the bits before the binary point, sign included, and may be negative or exceed `width`.
/// A width of 0 is a dead lane: its value is always 0. At most kMaxWidth bits wide, one less without a sign, so that
/// any raw value is an int64_t.
struct FixedType {
  static constexpr int kMaxWidth = 64;

  bool is_signed = true;
  int width = 16;
  int integer = 6;
  Rounding rounding = Rounding::kTrn;
  Overflow overflow = Overflow::kWrap;

  int fraction() const { return width - integer; }
  /// The smallest raw value that a cast to this type gives (minus the largest under kSatSym).
  Wide min_raw() const;
  Wide max_raw() const;
  /// The value of one raw step, 2^-fraction.
  double step() const;
  /// Same format whatever the rounding and overflow that lead to it.
  bool same_format(const FixedType& other) const {
    return is_signed == other.is_signed && width == other.width && integer == other.integer;
  }
  bool operator==(const FixedType&) const = default;

  /// The vendor's spelling with AP_ modes, modes omitted where they are the default: `ap_fixed<16,6,AP_RND,AP_SAT>`.
  std::string to_string() const;
  /// Reads `ap_fixed<W,I[,Q[,O[,N]]]>`, `ap_ufixed`, `ap_int<W>`, `ap_uint<W>`, hls4ml's `fixed`, `ufixed`, `int`,
  /// `uint`, with modes spelt with or without `AP_`. Errors: InvalidArgument that names the text and the flaw.
  static absl::StatusOr<FixedType> parse(std::string_view text);

  static FixedType fixed(int width, int integer, Rounding r = Rounding::kTrn, Overflow o = Overflow::kWrap) {
    return {true, width, integer, r, o};
  }
  static FixedType ufixed(int width, int integer, Rounding r = Rounding::kTrn, Overflow o = Overflow::kWrap) {
    return {false, width, integer, r, o};
  }
};

/// Counts of values changed by more than rounding, by cause.
struct OverflowCount {
  uint64_t wrapped = 0;
  uint64_t saturated = 0;
  uint64_t total() const { return wrapped + saturated; }
  OverflowCount& operator+=(const OverflowCount& o) {
    wrapped += o.wrapped;
    saturated += o.saturated;
    return *this;
  }
};

/// Divides by 2^`shift` (multiplies, for a negative shift) with the given rounding. `shift` in -126..127; no overflow
/// check.
Wide shift_right_rounded(Wide value, int shift, Rounding rounding);

/// Brings a rounded raw value into the range of `type` by its overflow mode; counts into `count` when it is not null.
int64_t apply_overflow(Wide value, const FixedType& type, OverflowCount* count = nullptr);

/// Converts `value * 2^-fraction` to the raw value of `type`: rounds, then wraps or saturates.
int64_t cast(Wide value, int fraction, const FixedType& type, OverflowCount* count = nullptr);

/// Converts a double exactly as the vendor's ap_fixed constructor does (the double taken as an exact number).
/// NaN and infinities are the caller's to refuse; finite values of any size are handled.
int64_t cast(double value, const FixedType& type, OverflowCount* count = nullptr);

/// raw * 2^-fraction; exact where the raw value has at most 53 significant bits.
double to_double(int64_t raw, const FixedType& type);

/// Bits of the smallest little-endian container (8, 16, 32 or 64) that holds `width` bits.
int container_bits(int width);

std::string_view to_string(Rounding r);  ///< "AP_RND_CONV"
std::string_view to_string(Overflow o);  ///< "AP_SAT"

}  // namespace strobe::model
