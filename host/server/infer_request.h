#pragma once

#include "absl/status/status.h"
#include "host/runtime/request.h"
#include "host/server/served_model.h"
#include "proto/inference.pb.h"

namespace strobe::server {

/// Checks `request` against `model` and makes the two ends of its run: `work`, whose inputs point into `request` and
/// whose outputs point into `response`; and `response`, complete but for the bytes that the run writes.
///
/// `request` and `response` must stay put until the run is over. `response` must be empty. Sets every field of `work`
/// but `done`; its deadline follows the request's `timeout` parameter. Errors: InvalidArgument (wrong count, name,
/// datatype, shape, size, parameter), NotFound (shared memory region), Unimplemented (classification).
absl::Status prepare_inference(const inference::ModelInferRequest& request, const ServedModel& model,
                               inference::ModelInferResponse& response, runtime::Request& work);

}  // namespace strobe::server
