#include <algorithm>
#include <limits>
#include <type_traits>

#include "host/runtime/codec_elements.h"

namespace strobe::runtime {
namespace {

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

}  // namespace

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
    const int64_t raw = load_raw(containers.data(), i, container_bytes_, is_signed(column));
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
        store(values.data(), i,
              static_cast<Target>(load_raw(containers.data(), i, container_bytes_, is_signed(i % columns_))));
      }
    }
  });
}

}  // namespace strobe::runtime
