#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "host/scouting/selection/plan.h"

/// Quantities of named objects, written in terms of their fields.
namespace strobe::scouting::selection {

/// The object at a place of a list, of the crossing `shift` later.
struct Object {
  ListRef list;
  int32_t place = 0;
  int32_t shift = 0;
  const ObjectFormat* format = nullptr;
};

/// A field's raw value, 0 where the object is missing.
struct FieldValue {
  TermId term = kNoTerm;
  const Field* field = nullptr;
  std::optional<Object> object;  ///< absent where the value is of each object of a list: none is missing then
};

/// Errors: InvalidArgument that names the field and lists those that there are.
absl::StatusOr<FieldValue> field_of(Plan& plan, const Object& object, std::string_view name);

/// scale * (raw + bias); 0 where the object is missing.
TermId physical_value(Plan& plan, Terms& terms, const FieldValue& value);

/// "exists", "charge". Errors: InvalidArgument where the object lacks the field.
absl::StatusOr<TermId> object_quantity(Plan& plan, const std::string& name, const Object& a);

/// "delta_phi", "delta_eta" (hardware units), "delta_r", "mass", "mass2" (GeV); 0 where one of the two is missing.
/// Errors: InvalidArgument where an object lacks a field, or where hardware units of the two differ.
absl::StatusOr<TermId> pair_quantity(Plan& plan, const std::string& name, const Object& a, const Object& b);

}  // namespace strobe::scouting::selection
