#pragma once

#include <cmath>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/float_model.h"

/// What the readers of a FloatModel must know of the files that it came from.
namespace strobe::import {

/// "layer 'fc1' (QDense): flaw"
inline absl::Status layer_error(const FloatLayer& layer, const std::string& flaw) {
  return absl::InvalidArgumentError(absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): ", flaw));
}

/// The setting "axis" (the last unless given), which counts the batch axis as 0 or from the end, as an axis of one
/// event of `rank` axes; nullopt where there is none such.
inline std::optional<size_t> event_axis(const FloatLayer& layer, size_t rank) {
  const int64_t given = layer.setting<int64_t>("axis").value_or(-1);
  const int64_t axis = given < 0 ? given + static_cast<int64_t>(rank) : given - 1;
  if (axis < 0 || axis >= static_cast<int64_t>(rank)) return std::nullopt;
  return static_cast<size_t>(axis);
}

/// Whatever the rounding mode of the processor.
inline double round_half_even(double value) {
  const double down = std::floor(value), rest = value - down;
  if (rest != 0.5) return std::floor(value + 0.5);
  return std::fmod(down, 2.0) == 0 ? down : down + 1;
}

/// QONNX's rounding modes, as its IntQuant describes them; ROUND and HALF_EVEN unless known.
inline double round_by(const std::string& mode, double value) {
  if (mode == "CEIL") return std::ceil(value);
  if (mode == "FLOOR") return std::floor(value);
  if (mode == "UP") return std::copysign(std::ceil(std::abs(value)), value);
  if (mode == "DOWN" || mode == "ROUND_TO_ZERO") return std::trunc(value);
  if (mode == "HALF_UP") return std::copysign(std::floor(std::abs(value) + 0.5), value);
  if (mode == "HALF_DOWN") return std::copysign(std::ceil(std::abs(value) - 0.5), value);
  return round_half_even(value);
}

}  // namespace strobe::import
