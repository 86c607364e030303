#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "host/scouting/core/orbit.h"
#include "host/scouting/formats/decoder.h"

/// From words of objects to columns of their fields: raw values, as the tables place them.
namespace strobe::scouting {

/// Bytes of one value of a field's machine type.
constexpr size_t size_of(FieldType type) { return type == FieldType::kInt8 || type == FieldType::kUint8 ? 1 : 2; }

/// A field's raw value in an object's word.
constexpr int32_t raw_value(const Field& field, uint64_t word) {
  const auto bits = static_cast<uint32_t>(word >> field.offset) << (32 - field.width);
  const int right = 32 - field.width;
  return field.is_signed ? static_cast<int32_t>(bits) >> right : static_cast<int32_t>(bits >> right);
}

/// A field of all objects of a collection, in its own type: `to` has room for `objects()` x `size_of(field.type())`
/// bytes, aligned for the type. `isa` must be one that the machine has.
void extract(const Collection& collection, const Field& field, void* to, Isa isa = Isa::kBest);
/// Every field of all objects, each as above: `to` is in the order of the format's fields. Puppi candidates are read
/// once for all of them, which is twice as fast as field by field.
void extract_all(const Collection& collection, std::span<void* const> to, Isa isa = Isa::kBest);

/// A field of some objects, by their indices in the collection.
void extract(const Collection& collection, const Field& field, std::span<const uint32_t> objects, int32_t* to);
/// The same as float64: raw values, or physical ones, scale x (raw + bias).
void extract(const Collection& collection, const Field& field, std::span<const uint32_t> objects, bool physical,
             double* to);

}  // namespace strobe::scouting
