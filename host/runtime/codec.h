#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kernels/model/fixed_type.h"
#include "kernels/model/graph.h"

namespace strobe::runtime {

/// The machine type of one element outside the card.
enum class ElementKind : uint8_t {
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat32,
  kFloat64,
};

size_t byte_size(ElementKind kind);
std::string_view to_string(ElementKind kind);  ///< "int16", "float32"

/// How a tensor's elements look outside the card: little-endian, row-major, unpadded.
struct Encoding {
  ElementKind kind = ElementKind::kFloat32;
  /// False: the elements are numbers, converted by the tensor's rounding and overflow.
  /// True (integers only): the elements are the raw fixed-point values themselves.
  bool raw = false;

  bool operator==(const Encoding&) const = default;
};

struct BlockTypes;

/// Converts rows of one tensor between an outside encoding and the card's containers (little-endian, `type.container()`
/// bits an element, sign- or zero-extended). Immutable after construction: threads may share it.
///
/// Numbers become raw values bit-equal to `model::cast(double, type)`; raw values become FP64 exactly where they have
/// at most 53 significant bits, and the nearest FP32. What else an input may mean, its InputEncoding says: keys of FP32
/// numbers (FP64 and integers are rounded to FP32 first), and a raw value for NaN.
class Codec {
 public:
  /// `name` is how messages call the tensor.
  Codec(std::string name, model::TensorType type, model::InputEncoding meaning = {});
  explicit Codec(const model::Tensor& tensor) : Codec(tensor.name, tensor.type, tensor.encoding) {}

  const std::string& name() const { return name_; }
  const model::TensorType& type() const { return type_; }
  size_t elements() const { return columns_; }
  /// Bytes of one row in containers, and in `encoding`.
  size_t row_bytes() const { return columns_ * container_bytes_; }
  size_t row_bytes(Encoding encoding) const { return columns_ * byte_size(encoding.kind); }
  /// The encoding that is byte for byte the containers.
  Encoding container_encoding() const;

  /// Whether `decode` can write `to`: FP32, FP64, or raw integers wide enough for every value of the type.
  /// Errors: InvalidArgument that names tensor, type and what fits.
  absl::Status check_decode(Encoding to) const;

  /// Converts whole rows of `values` into `containers` (both hold the same number of rows). `first_row` only numbers
  /// rows in messages. Values changed by wrap or saturation are counted into `count` where it is not null. Errors:
  /// InvalidArgument that names row and element of a NaN, an infinity or a raw value outside the type.
  absl::Status encode(Encoding from, std::span<const std::byte> values, std::span<std::byte> containers,
                      size_t first_row = 0, model::OverflowCount* count = nullptr) const;

  /// Converts whole rows of `containers` into `values`. `to` must have passed `check_decode`.
  void decode(Encoding to, std::span<const std::byte> containers, std::span<std::byte> values) const;

 private:
  struct Block;  // a run of elements that starts at a column of the tile

  template <typename Source>
  absl::Status encode_numbers(ElementKind kind, std::span<const std::byte> values, std::span<std::byte> containers,
                              size_t first_row, model::OverflowCount* count) const;
  template <typename Source>
  absl::Status encode_block_slowly(const Block& block, size_t first_row, model::OverflowCount* count) const;
  template <typename Source>
  absl::Status encode_keys(std::span<const std::byte> values, std::span<std::byte> containers, size_t first_row,
                           model::OverflowCount* count) const;
  bool holds_missing(const Block& block) const;
  template <typename Source>
  absl::Status encode_raw(ElementKind kind, std::span<const std::byte> values, std::span<std::byte> containers,
                          size_t first_row) const;
  template <typename Source>
  absl::Status encode_raw_slowly(const Block& block, size_t first_row) const;
  BlockTypes types_at(size_t column) const;
  template <typename Target>
  void decode_keys(std::span<const std::byte> containers, std::span<std::byte> values) const;
  template <typename Target>
  void decode_numbers(std::span<const std::byte> containers, std::span<std::byte> values) const;
  bool is_signed(size_t column) const { return type_.at(static_cast<int64_t>(column)).is_signed; }
  void store_container(std::byte* to, size_t element, int64_t raw) const;
  template <typename Source>
  absl::Status refuse(const Block& block, size_t index, size_t first_row, Source value) const;

  std::string name_;
  model::TensorType type_;
  model::InputEncoding meaning_;
  size_t columns_ = 0;
  size_t container_bytes_ = 1;

  /// Per-column parameters, repeated over `tile_` elements (whole rows) so that inner loops run long even where a row
  /// is short. Empty unless `uniform_modes_`.
  size_t tile_ = 0;
  /// One rounding and overflow mode, and at most 31 bits, for every element: the vector path.
  bool vector_path_ = false;
  /// Scaling loses nothing in FP32 (fractions 0..126), in FP64 from FP32 or integers, in FP64 from FP64.
  bool exact_in_float_ = false, exact_in_double_ = false, exact_from_double_ = false;
  /// Raw values are exact in FP32 (24 bits).
  bool decodes_in_float_ = false;
  /// Every container reads as two's complement (no unsigned element fills its container).
  bool reads_as_signed_ = false;
  /// Every element fills its container with the signedness of all others: nothing to check in raw values.
  bool fills_container_ = false;
  model::Rounding rounding_ = model::Rounding::kTrn;
  model::Overflow overflow_ = model::Overflow::kWrap;
  std::vector<float> scale_float_, step_float_;
  std::vector<double> scale_double_, step_double_;
  std::vector<int32_t> low_, high_, mask_, sign_, raw_low_narrow_;
  /// Limits of the format itself, per column: what a raw value may be.
  std::vector<int64_t> raw_low_, raw_high_;
};

}  // namespace strobe::runtime
