#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/runtime/codec_elements.h"
#include "host/runtime/codec_kernels.h"

namespace strobe::runtime {

using model::Overflow;

struct Codec::Block {
  const std::byte* in;
  std::byte* out;
  size_t column;  ///< of the first element, within the tile
  size_t first;   ///< index of the first element within the call
  size_t count;
};

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
  for (size_t i = 0; i < block.count; ++i)
    found |= load_raw(block.out, i, container_bytes_, is_signed(0)) == *meaning_.missing;
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

}  // namespace strobe::runtime
