#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/model/fixed_type.h"

namespace strobe::quantise {

/// How a forest is to be computed: conifer's vocabulary, and strobe's own keys beside it (docs/forests.md).
struct ForestConfig {
  enum class Sum { kFileOrder, kBalanced };
  std::optional<model::FixedType> input;      ///< absent: keys of FP32 numbers
  std::optional<model::FixedType> threshold;  ///< absent: as the input's grid needs them
  std::optional<model::FixedType> score;      ///< absent: as `score_error` asks
  std::optional<double> score_error;          ///< of a margin, at most; absent: exact
  bool conifer = false;                       ///< conifer's arithmetic
  Sum sum = Sum::kFileOrder;                  ///< conifer's order of additions
  bool probabilities = false;                 ///< the file's output transform is part of the model
  std::vector<std::string> without_effect;    ///< accepted keys that change nothing here

  /// Reads YAML or JSON; an empty text gives the defaults. Errors: InvalidArgument with `origin`, line and key.
  static absl::StatusOr<ForestConfig> parse(const std::string& yaml, const std::string& origin);
};

}  // namespace strobe::quantise
