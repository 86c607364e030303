// The codec's inner loops: plain C++ that the compiler turns into vector code, compiled once per instruction set.

#include "host/runtime/codec_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/runtime/codec_elements.h"

// SSSE3 alone gains nothing over the baseline.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/runtime/codec_kernels.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::runtime::HWY_NAMESPACE {

using model::Overflow;
using model::Rounding;

/// Scaled values below this convert to int32; larger ones are rare and the caller's.
constexpr int32_t kLargest = 1 << 30;

/// Truncates `in[i] * scale[i]` to int32 and leaves what was cut off in `rest` (exact, sign of the value).
/// False where a value is too large or not a number; those positions hold 0.
template <typename Source, typename Real>
bool scale_and_truncate(const std::byte* in, const Real* scale, size_t count, int32_t* whole, Real* rest) {
  int32_t large = 0;
  for (size_t i = 0; i < count; ++i) {
    const Real scaled = static_cast<Real>(load<Source>(in, i)) * scale[i];
    const bool fits = std::fabs(scaled) < static_cast<Real>(kLargest);
    const Real kept = fits ? scaled : Real{0};
    large |= fits ? 0 : 1;
    whole[i] = static_cast<int32_t>(kept);
    rest[i] = kept - static_cast<Real>(whole[i]);
  }
  return large == 0;
}

/// Adds -1, 0 or 1 to truncated values, as `adjust(whole, rest)` says.
template <typename Real, typename Adjust>
void adjust_each(int32_t* whole, const Real* rest, size_t count, Adjust adjust) {
  for (size_t i = 0; i < count; ++i) whole[i] += adjust(whole[i], rest[i]);
}

template <typename Real>
void round_truncated(Rounding rounding, int32_t* whole, const Real* rest, size_t count) {
  constexpr Real kHalf = 0.5;
  switch (rounding) {
    case Rounding::kTrn:
      return adjust_each(whole, rest, count, [](int32_t, Real r) { return -static_cast<int32_t>(r < 0); });
    case Rounding::kTrnZero:
      return;
    case Rounding::kRnd:
      return adjust_each(whole, rest, count, [](int32_t, Real r) {
        return static_cast<int32_t>(r >= kHalf) - static_cast<int32_t>(r < -kHalf);
      });
    case Rounding::kRndZero:
      return adjust_each(whole, rest, count, [](int32_t, Real r) {
        return static_cast<int32_t>(r > kHalf) - static_cast<int32_t>(r < -kHalf);
      });
    case Rounding::kRndMinInf:
      return adjust_each(whole, rest, count, [](int32_t, Real r) {
        return static_cast<int32_t>(r > kHalf) - static_cast<int32_t>(r <= -kHalf);
      });
    case Rounding::kRndInf:
      return adjust_each(whole, rest, count, [](int32_t, Real r) {
        return static_cast<int32_t>(r >= kHalf) - static_cast<int32_t>(r <= -kHalf);
      });
    case Rounding::kRndConv:
      return adjust_each(whole, rest, count, [](int32_t w, Real r) {
        const int32_t odd = w & 1;
        const int32_t up = r > kHalf ? 1 : (r == kHalf ? odd : 0);
        const int32_t down = r < -kHalf ? 1 : (r == -kHalf ? odd : 0);
        return up - down;
      });
  }
}

/// Brings values into range; returns how many changed. `mask` and `sign` serve wrapping, `low` and `high` saturation.
size_t bring_into_range(Overflow overflow, int32_t* values, const int32_t* low, const int32_t* high,
                        const int32_t* mask, const int32_t* sign, size_t count) {
  int32_t changed = 0;
  switch (overflow) {
    case Overflow::kWrap:
      for (size_t i = 0; i < count; ++i) {
        const int32_t wrapped = ((values[i] & mask[i]) ^ sign[i]) - sign[i];
        changed += wrapped != values[i];
        values[i] = wrapped;
      }
      break;
    case Overflow::kSat:
    case Overflow::kSatSym:
      for (size_t i = 0; i < count; ++i) {
        const int32_t limited = std::min(std::max(values[i], low[i]), high[i]);
        changed += limited != values[i];
        values[i] = limited;
      }
      break;
    case Overflow::kSatZero:
      for (size_t i = 0; i < count; ++i) {
        const bool outside = (values[i] < low[i]) | (values[i] > high[i]);
        changed += outside;
        values[i] = outside ? 0 : values[i];
      }
      break;
  }
  return static_cast<size_t>(changed);
}

template <typename Container>
void narrow(const int32_t* values, std::byte* out, size_t count) {
  for (size_t i = 0; i < count; ++i) store<Container>(out, i, static_cast<Container>(values[i]));
}

void narrow(size_t container_bytes, const int32_t* values, std::byte* out, size_t count) {
  switch (container_bytes) {
    case 1:
      return narrow<int8_t>(values, out, count);
    case 2:
      return narrow<int16_t>(values, out, count);
    default:
      return narrow<int32_t>(values, out, count);
  }
}

template <typename Source, typename Real>
bool encode_as(const BlockTypes& types, const Real* scale, const std::byte* in, size_t count, std::byte* out,
               size_t& changed) {
  int32_t whole[kBlockElements];
  Real rest[kBlockElements];
  if (!scale_and_truncate<Source, Real>(in, scale, count, whole, rest)) return false;
  round_truncated(types.rounding, whole, rest, count);
  changed += bring_into_range(types.overflow, whole, types.low, types.high, types.mask, types.sign, count);
  narrow(types.container_bytes, whole, out, count);
  return true;
}

bool encode(const BlockTypes& types, ElementKind kind, bool in_float, const std::byte* in, size_t count, std::byte* out,
            size_t& changed) {
  const double* scale = types.scale_double;
  switch (kind) {
    case ElementKind::kInt8:
      return encode_as<int8_t>(types, scale, in, count, out, changed);
    case ElementKind::kInt16:
      return encode_as<int16_t>(types, scale, in, count, out, changed);
    case ElementKind::kInt32:
      return encode_as<int32_t>(types, scale, in, count, out, changed);
    case ElementKind::kUint8:
      return encode_as<uint8_t>(types, scale, in, count, out, changed);
    case ElementKind::kUint16:
      return encode_as<uint16_t>(types, scale, in, count, out, changed);
    case ElementKind::kUint32:
      return encode_as<uint32_t>(types, scale, in, count, out, changed);
    case ElementKind::kFloat64:
      return encode_as<double>(types, scale, in, count, out, changed);
    case ElementKind::kFloat32:
      return in_float ? encode_as<float>(types, types.scale_float, in, count, out, changed)
                      : encode_as<float>(types, scale, in, count, out, changed);
    default:
      return false;
  }
}

template <typename Source>
bool check_raw(const BlockTypes& types, const int32_t* low, const int32_t* high, const std::byte* in, size_t count,
               std::byte* out) {
  int32_t values[kBlockElements];
  int32_t outside = 0;
  for (size_t i = 0; i < count; ++i) {
    values[i] = load<Source>(in, i);
    outside |= static_cast<int32_t>(values[i] < low[i]) | static_cast<int32_t>(values[i] > high[i]);
  }
  if (outside != 0) return false;
  narrow(types.container_bytes, values, out, count);
  return true;
}

bool encode_raw(const BlockTypes& types, const int32_t* low, const int32_t* high, ElementKind kind, const std::byte* in,
                size_t count, std::byte* out) {
  switch (kind) {
    case ElementKind::kInt8:
      return check_raw<int8_t>(types, low, high, in, count, out);
    case ElementKind::kInt16:
      return check_raw<int16_t>(types, low, high, in, count, out);
    case ElementKind::kInt32:
      return check_raw<int32_t>(types, low, high, in, count, out);
    case ElementKind::kUint8:
      return check_raw<uint8_t>(types, low, high, in, count, out);
    case ElementKind::kUint16:
      return check_raw<uint16_t>(types, low, high, in, count, out);
    default:
      return false;
  }
}

bool encode_keys(const std::byte* in, size_t count, std::byte* out) {
  int32_t nan = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto bits = load<int32_t>(in, i);
    const int32_t magnitude = bits & 0x7fffffff;
    const int32_t key = (bits < 0 && magnitude == 0) ? 0 : bits ^ ((bits >> 31) & 0x7fffffff);
    const bool is_nan = magnitude > 0x7f800000;
    nan |= static_cast<int32_t>(is_nan);
    store<int32_t>(out, i, is_nan ? std::numeric_limits<int32_t>::min() : key);
  }
  return nan != 0;
}

}  // namespace strobe::runtime::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace strobe::runtime {

HWY_EXPORT(encode);
HWY_EXPORT(encode_raw);
HWY_EXPORT(encode_keys);

bool encode_block(const BlockTypes& types, ElementKind kind, bool in_float, const std::byte* in, size_t count,
                  std::byte* out, size_t& changed) {
  return HWY_DYNAMIC_DISPATCH(encode)(types, kind, in_float, in, count, out, changed);
}

bool encode_raw_block(const BlockTypes& types, const int32_t* low, const int32_t* high, ElementKind kind,
                      const std::byte* in, size_t count, std::byte* out) {
  return HWY_DYNAMIC_DISPATCH(encode_raw)(types, low, high, kind, in, count, out);
}

bool encode_key_block(const std::byte* in, size_t count, std::byte* out) {
  return HWY_DYNAMIC_DISPATCH(encode_keys)(in, count, out);
}

}  // namespace strobe::runtime
#endif
