#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace strobe::layers {

/// What a forest engine holds, fixed when its xclbin is built.
struct EngineShape {
  int64_t engines = 8;    ///< trees that are walked at the same time
  int64_t nodes = 4096;   ///< words of each engine's memory: a comparison or a leaf's value each
  int64_t features = 32;  ///< of an event, at most, of up to 32 bits each
  int64_t outputs = 8;    ///< scores, at most

  bool operator==(const EngineShape&) const = default;
  /// "engines=8,nodes=4096,features=32,outputs=8"
  std::string to_string() const;
  /// Bytes of the largest forest image that fits.
  size_t image_bytes() const;
  /// Errors: InvalidArgument that names the number and its limits.
  absl::Status check() const;
  /// Reads `to_string`'s form; what is not named keeps its default. Errors: InvalidArgument that names the word.
  static absl::StatusOr<EngineShape> parse(std::string_view text);
};

}  // namespace strobe::layers
