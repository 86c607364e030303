#include "host/runtime/codec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/runtime/codec_kernels.h"

namespace strobe::runtime {
namespace {

using model::Overflow;

/// Rows are repeated to about this many elements in the parameter tile.
constexpr size_t kTile = 256;
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

template <typename Container, typename Target, typename Real>
void scale_up(const std::byte* in, const Real* step, size_t row_elements, size_t total, std::byte* out) {
  for (size_t start = 0; start < total; start += row_elements) {
    const size_t count = std::min(row_elements, total - start);
    const std::byte* from = in + start * sizeof(Container);
    std::byte* to = out + start * sizeof(Target);
    for (size_t i = 0; i < count; ++i) {
      store<Target>(to, i, static_cast<Target>(static_cast<Real>(load<Container>(from, i)) * step[i]));
    }
  }
}

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

struct Codec::Block {
  const std::byte* in;
  std::byte* out;
  size_t column;  ///< of the first element, within the tile
  size_t first;   ///< index of the first element within the call
  size_t count;
};

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
  const int64_t low = *std::min_element(raw_low_.begin(), raw_low_.end());
  const int64_t high = *std::max_element(raw_high_.begin(), raw_high_.end());
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

template <typename Source>
absl::Status Codec::refuse(const Block& block, size_t index, size_t first_row, Source value) const {
  const size_t element = block.first + index;
  const model::FixedType& t = type_.at(static_cast<int64_t>(element % columns_));
  const std::string where =
      absl::StrCat("tensor '", name_, "': row ", first_row + element / columns_, ", element ", element % columns_);
  if constexpr (std::is_floating_point_v<Source>) {
    const char* what = std::isnan(value) ? "NaN" : value > 0 ? "infinity" : "-infinity";
    const bool keys = meaning_.kind == model::InputEncoding::Kind::kOrderedFloat;
    return absl::InvalidArgumentError(
        keys ? absl::StrCat(where, " is NaN; the model knows no missing values")
             : absl::StrCat(where, " is ", what, "; only finite numbers convert to ", t.to_string()));
  } else {
    const size_t column = block.column + index;
    const std::string number =
        value < 0 ? absl::StrCat(static_cast<int64_t>(value)) : absl::StrCat(static_cast<uint64_t>(value));
    return absl::InvalidArgumentError(absl::StrCat(where, " is ", number, "; raw values of ", t.to_string(), " are ",
                                                   raw_low_[column], "..", raw_high_[column]));
  }
}

int64_t Codec::load_container(const std::byte* from, size_t element, size_t column) const {
  const bool is_signed = type_.at(static_cast<int64_t>(column)).is_signed;
  switch (container_bytes_) {
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

void Codec::store_container(std::byte* to, size_t element, int64_t raw) const {
  switch (container_bytes_) {
    case 1:
      return store(to, element, static_cast<int8_t>(raw));
    case 2:
      return store(to, element, static_cast<int16_t>(raw));
    case 4:
      return store(to, element, static_cast<int32_t>(raw));
    default:
      return store(to, element, raw);
  }
}

BlockTypes Codec::types_at(size_t column) const {
  return {rounding_,
          overflow_,
          container_bytes_,
          scale_float_.data() + column,
          scale_double_.data() + column,
          low_.data() + column,
          high_.data() + column,
          mask_.data() + column,
          sign_.data() + column};
}

template <typename Source>
absl::Status Codec::encode_block_slowly(const Block& block, size_t first_row, model::OverflowCount* count) const {
  for (size_t i = 0; i < block.count; ++i) {
    const auto value = load<Source>(block.in, i);
    const model::FixedType& t = type_.at(static_cast<int64_t>((block.column + i) % columns_));
    int64_t raw = 0;
    if constexpr (std::is_floating_point_v<Source>) {
      if (meaning_.missing && std::isnan(value)) {
        store_container(block.out, i, *meaning_.missing);
        continue;
      }
      if (!std::isfinite(value)) return refuse(block, i, first_row, value);
      raw = model::cast(static_cast<double>(value), t, count);
    } else {
      raw = model::cast(static_cast<model::Wide>(value), 0, t, count);
    }
    if (raw == meaning_.missing) {
      raw += t.is_signed ? 1 : -1;
      if (count != nullptr) ++count->saturated;
    }
    store_container(block.out, i, raw);
  }
  return absl::OkStatus();
}

/// Whether a block of numbers, encoded, has a value that no number may have.
bool Codec::holds_missing(const Block& block) const {
  bool found = false;
  for (size_t i = 0; i < block.count; ++i) found |= load_container(block.out, i, 0) == *meaning_.missing;
  return found;
}

template <typename Source>
absl::Status Codec::encode_keys(std::span<const std::byte> values, std::span<std::byte> containers, size_t first_row,
                                model::OverflowCount* count) const {
  const size_t total = values.size() / sizeof(Source);
  std::array<float, kBlockElements> single;
  for (size_t done = 0; done < total;) {
    const size_t run = std::min(kBlockElements, total - done);
    const Block block{values.data() + done * sizeof(Source), containers.data() + done * container_bytes_, 0, done, run};
    const std::byte* floats = block.in;
    if constexpr (!std::is_same_v<Source, float>) {
      for (size_t i = 0; i < run; ++i) {
        const auto value = static_cast<double>(load<Source>(block.in, i));
        single[i] = static_cast<float>(load<Source>(block.in, i));
        if (count != nullptr && std::isinf(single[i]) && !std::isinf(value)) ++count->saturated;
      }
      floats = reinterpret_cast<const std::byte*>(single.data());
    }
    if (encode_key_block(floats, run, block.out) && !meaning_.missing) {
      const auto is_nan = [&](size_t i) { return std::isnan(load<float>(floats, i)); };
      size_t index = 0;
      while (!is_nan(index)) ++index;
      return refuse(block, index, first_row, load<float>(floats, index));
    }
    done += run;
  }
  return absl::OkStatus();
}

template <typename Source>
absl::Status Codec::encode_numbers(ElementKind kind, std::span<const std::byte> values, std::span<std::byte> containers,
                                   size_t first_row, model::OverflowCount* count) const {
  const size_t total = values.size() / sizeof(Source);
  const bool in_float = std::is_same_v<Source, float> && exact_in_float_;
  const bool exact = in_float || (std::is_same_v<Source, double> ? exact_from_double_ : exact_in_double_);
  const bool in_blocks = vector_path_ && exact && !(std::is_integral_v<Source> && sizeof(Source) == 8);
  size_t changed = 0;
  for (size_t done = 0, column = 0; done < total;) {
    const size_t run = std::min({kBlockElements, tile_ - column, total - done});
    const Block block{values.data() + done * sizeof(Source), containers.data() + done * container_bytes_, column, done,
                      run};
    size_t changed_here = 0;
    const bool encoded = in_blocks &&
                         encode_block(types_at(column), kind, in_float, block.in, run, block.out, changed_here) &&
                         !(meaning_.missing && holds_missing(block));
    changed += encoded ? changed_here : 0;
    if (!encoded) {
      if (absl::Status status = encode_block_slowly<Source>(block, first_row, count); !status.ok()) return status;
    }
    done += run;
    column = column + run == tile_ ? 0 : column + run;
  }
  if (count != nullptr) (overflow_ == Overflow::kWrap ? count->wrapped : count->saturated) += changed;
  return absl::OkStatus();
}

template <typename Source>
absl::Status Codec::encode_raw_slowly(const Block& block, size_t first_row) const {
  for (size_t i = 0; i < block.count; ++i) {
    const auto value = load<Source>(block.in, i);
    const bool fits = std::cmp_greater_equal(value, raw_low_[block.column + i]) &&
                      std::cmp_less_equal(value, raw_high_[block.column + i]);
    if (!fits) return refuse(block, i, first_row, value);
    store_container(block.out, i, static_cast<int64_t>(value));
  }
  return absl::OkStatus();
}

template <typename Source>
absl::Status Codec::encode_raw(ElementKind kind, std::span<const std::byte> values, std::span<std::byte> containers,
                               size_t first_row) const {
  if (fills_container_ && sizeof(Source) == container_bytes_ && std::is_signed_v<Source> == type_.types[0].is_signed) {
    std::memcpy(containers.data(), values.data(), values.size());
    return absl::OkStatus();
  }
  const size_t total = values.size() / sizeof(Source);
  const bool in_blocks = vector_path_ && sizeof(Source) <= 4 && !std::is_same_v<Source, uint32_t>;
  for (size_t done = 0, column = 0; done < total;) {
    const size_t run = std::min({kBlockElements, tile_ - column, total - done});
    const Block block{values.data() + done * sizeof(Source), containers.data() + done * container_bytes_, column, done,
                      run};
    const bool fits = in_blocks && encode_raw_block(types_at(column), raw_low_narrow_.data() + column,
                                                    high_.data() + column, kind, block.in, run, block.out);
    if (!fits) {
      if (absl::Status status = encode_raw_slowly<Source>(block, first_row); !status.ok()) return status;
    }
    done += run;
    column = column + run == tile_ ? 0 : column + run;
  }
  return absl::OkStatus();
}

absl::Status Codec::encode(Encoding from, std::span<const std::byte> values, std::span<std::byte> containers,
                           size_t first_row, model::OverflowCount* count) const {
  return with_kind(from.kind, [&](auto kind) {
    using Source = decltype(kind);
    if constexpr (std::is_integral_v<Source>) {
      if (from.raw) return encode_raw<Source>(from.kind, values, containers, first_row);
    }
    if (meaning_.kind == model::InputEncoding::Kind::kOrderedFloat)
      return encode_keys<Source>(values, containers, first_row, count);
    return encode_numbers<Source>(from.kind, values, containers, first_row, count);
  });
}

template <typename Target>
void Codec::decode_keys(std::span<const std::byte> containers, std::span<std::byte> values) const {
  for (size_t i = 0; i < containers.size() / container_bytes_; ++i) {
    const auto key = load<int32_t>(containers.data(), i);
    store(values.data(), i,
          key == meaning_.missing ? std::numeric_limits<Target>::quiet_NaN()
                                  : static_cast<Target>(model::from_ordered_key(key)));
  }
}

template <typename Target>
void Codec::decode_numbers(std::span<const std::byte> containers, std::span<std::byte> values) const {
  const size_t total = containers.size() / container_bytes_;
  const auto scaled = [&]<typename Container>(Container) {
    if (std::is_same_v<Target, float> && decodes_in_float_) {
      return scale_up<Container, Target>(containers.data(), step_float_.data(), tile_, total, values.data());
    }
    return scale_up<Container, Target>(containers.data(), step_double_.data(), tile_, total, values.data());
  };
  if (reads_as_signed_) {
    switch (container_bytes_) {
      case 1:
        return scaled(int8_t{});
      case 2:
        return scaled(int16_t{});
      case 4:
        return scaled(int32_t{});
      default:
        return scaled(int64_t{});
    }
  }
  for (size_t i = 0; i < total; ++i) {
    const size_t column = i % columns_;
    const int64_t raw = load_container(containers.data(), i, column);
    store(values.data(), i, static_cast<Target>(static_cast<double>(raw) * step_double_[column]));
  }
}

void Codec::decode(Encoding to, std::span<const std::byte> containers, std::span<std::byte> values) const {
  with_kind(to.kind, [&](auto kind) {
    using Target = decltype(kind);
    if constexpr (std::is_floating_point_v<Target>) {
      if (meaning_.kind == model::InputEncoding::Kind::kOrderedFloat) return decode_keys<Target>(containers, values);
      decode_numbers<Target>(containers, values);
    } else {
      if (sizeof(Target) == container_bytes_) {
        std::memcpy(values.data(), containers.data(), containers.size());
        return;
      }
      const size_t total = containers.size() / container_bytes_;
      for (size_t i = 0; i < total; ++i) {
        store(values.data(), i, static_cast<Target>(load_container(containers.data(), i, i % columns_)));
      }
    }
  });
}

}  // namespace strobe::runtime
