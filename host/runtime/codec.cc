#include "host/runtime/codec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/runtime/codec_elements.h"

namespace strobe::runtime {
namespace {

/// Rows are repeated to about this many elements in the parameter tile.
constexpr size_t kTile = 256;

bool in_range(int value, int low, int high) { return value >= low && value <= high; }

}  // namespace

size_t byte_size(ElementKind kind) {
  return with_kind(kind, [](auto value) { return sizeof(value); });
}

std::string_view to_string(ElementKind kind) {
  constexpr std::array<std::string_view, 10> kNames = {"int8",   "int16",  "int32",  "int64",   "uint8",
                                                       "uint16", "uint32", "uint64", "float32", "float64"};
  return kNames[static_cast<size_t>(kind)];
}

Codec::Codec(std::string name, model::TensorType type, model::InputEncoding meaning)
    : name_(std::move(name)), type_(std::move(type)), meaning_(meaning) {
  columns_ = static_cast<size_t>(type_.elements());
  container_bytes_ = static_cast<size_t>(type_.container() / 8);
  rounding_ = type_.types[0].rounding;
  overflow_ = type_.types[0].overflow;
  tile_ = columns_ * std::max<size_t>(1, kTile / std::max<size_t>(1, columns_));

  vector_path_ = exact_in_float_ = exact_in_double_ = exact_from_double_ = true;
  decodes_in_float_ = reads_as_signed_ = fills_container_ = true;
  for (const model::FixedType& t : type_.types) {
    vector_path_ &= t.rounding == rounding_ && t.overflow == overflow_ && t.width <= 31;
    if (t.width > 0) {
      exact_in_float_ &= in_range(t.fraction(), 0, 126);
      exact_in_double_ &= in_range(t.fraction(), -800, 900);
      exact_from_double_ &= in_range(t.fraction(), 0, 900);
      decodes_in_float_ &= t.width <= 24 && in_range(t.fraction(), -100, 126);
    }
    const bool full = t.width == static_cast<int>(container_bytes_ * 8);
    reads_as_signed_ &= t.is_signed || !full;
    fills_container_ &= full && t.is_signed == type_.types[0].is_signed;
  }
  for (size_t i = 0; i < tile_; ++i) {
    const model::FixedType& t = type_.at(static_cast<int64_t>(i % columns_));
    const bool dead = t.width == 0;  // always 0, whatever comes; never counted as an overflow
    scale_float_.push_back(dead ? 0.0F : static_cast<float>(std::ldexp(1.0, t.fraction())));
    scale_double_.push_back(dead ? 0.0 : std::ldexp(1.0, t.fraction()));
    step_float_.push_back(dead ? 0.0F : static_cast<float>(t.step()));
    step_double_.push_back(dead ? 0.0 : t.step());
    raw_high_.push_back(static_cast<int64_t>(t.max_raw()));
    raw_low_.push_back(t.is_signed && !dead ? -raw_high_.back() - 1 : 0);
    if (!vector_path_) continue;
    low_.push_back(static_cast<int32_t>(t.min_raw()));
    raw_low_narrow_.push_back(static_cast<int32_t>(raw_low_.back()));
    high_.push_back(static_cast<int32_t>(t.max_raw()));
    mask_.push_back(static_cast<int32_t>((int64_t{1} << t.width) - 1));
    sign_.push_back(t.is_signed && !dead ? int32_t{1} << (t.width - 1) : 0);
  }
}

Encoding Codec::container_encoding() const {
  const auto kind = [&](ElementKind s, ElementKind u) { return Encoding{reads_as_signed_ ? s : u, true}; };
  switch (container_bytes_) {
    case 1:
      return kind(ElementKind::kInt8, ElementKind::kUint8);
    case 2:
      return kind(ElementKind::kInt16, ElementKind::kUint16);
    case 4:
      return kind(ElementKind::kInt32, ElementKind::kUint32);
    default:
      return {ElementKind::kInt64, true};
  }
}

absl::Status Codec::check_decode(Encoding to) const {
  if (to.kind == ElementKind::kFloat32 || to.kind == ElementKind::kFloat64) return absl::OkStatus();
  if (!to.raw) {
    return absl::InvalidArgumentError(absl::StrCat("tensor '", name_, "': values of ", type_.to_string(),
                                                   " have fractions; read them as float32, float64 or raw integers"));
  }
  const auto columns = static_cast<ptrdiff_t>(columns_);  // the tile behind them repeats them
  const int64_t low = *std::min_element(raw_low_.begin(), raw_low_.begin() + columns);
  const int64_t high = *std::max_element(raw_high_.begin(), raw_high_.begin() + columns);
  const bool fits = with_kind(to.kind, [&](auto value) {
    using T = decltype(value);
    if constexpr (std::is_integral_v<T>) return std::in_range<T>(low) && std::in_range<T>(high);
    return true;
  });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tensor '", name_, "': ", std::string(to_string(to.kind)), " cannot hold the raw values ", low, "..",
                   high, " of ", type_.to_string(), "; ", std::string(to_string(container_encoding().kind)), " can"));
}

}  // namespace strobe::runtime
