#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace strobe::server {

/// The same error in gRPC's type (the codes are the same numbers). Its message is never empty: clients written in C++
/// take an error without words for success.
inline grpc::Status to_grpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message(status.message());
  if (message.empty()) message = absl::StrCat("the request failed: ", absl::StatusCodeToString(status.code()));
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), message);
}

}  // namespace strobe::server
