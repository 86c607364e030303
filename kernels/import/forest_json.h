#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/import/json_access.h"

/// Forests that files keep as JSON documents.
namespace strobe::import {

/// Whether a JSON document is XGBoost's, or conifer's.
bool is_xgboost(const Json& document);
bool is_conifer(const Json& document);

/// XGBoost's model, from JSON or UBJSON: the boosters gbtree and dart. Splits compare float32 values by `<`.
/// Errors: InvalidArgument naming tree and node; Unimplemented for gblinear and objectives that strobe does not know.
absl::StatusOr<FloatModel> read_xgboost(const Json& document, const std::string& name);

/// conifer's model, as versions 1.7 to 1.11 write it. Thresholds stay as the file has them (decimals, not float32),
/// the convention (`<` or `<=`) is the file's. Errors: InvalidArgument naming tree, class and node.
absl::StatusOr<FloatModel> read_conifer(const Json& document, const std::string& name);

/// A list of `count` numbers. Errors: InvalidArgument, with `what` in the message.
absl::StatusOr<std::vector<double>> number_list(const Json& list, size_t count, const std::string& what);

/// A whole number, bare or as text, from 0 to `limit`. Errors: InvalidArgument, with `what` in the message.
absl::StatusOr<int64_t> count_of(const Json& value, int64_t limit, const std::string& what);

}  // namespace strobe::import
