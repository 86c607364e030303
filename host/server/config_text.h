#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "proto/model_config.pb.h"

namespace strobe::server {

/// Reads a config.pbtxt. `path` is how messages name it.
/// Errors: InvalidArgument "path:line:column: what is wrong"; an unknown field is one.
absl::StatusOr<inference::ModelConfig> parse_config(const std::string& path, const std::string& text);

}  // namespace strobe::server
