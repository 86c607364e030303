#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"

namespace strobe::import {

/// Whether a file begins as LightGBM's text models do.
bool looks_like_lightgbm(std::string_view head);

/// Reads LightGBM's text model (versions v2 to v4). Splits compare doubles by `<=`; a category set goes left.
/// Margins are the plain sum of the trees, also of random forests.
/// Errors: InvalidArgument naming tree and node; Unimplemented for linear leaves.
absl::StatusOr<FloatModel> read_lightgbm(std::string_view text, const std::string& name);

}  // namespace strobe::import
