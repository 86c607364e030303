#include "host/server/queries.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#ifndef STROBE_VERSION
#error "STROBE_VERSION comes from the build"
#endif

namespace strobe::server {
namespace {

using inference::ModelMetadataResponse;

void describe(const ServedTensor& tensor, bool batched, ModelMetadataResponse::TensorMetadata& metadata) {
  metadata.set_name(tensor.name);
  metadata.set_datatype(tensor.datatype);
  if (batched) metadata.add_shape(-1);
  for (const int64_t extent : tensor.dims) metadata.add_shape(extent);
}

void copy(const runtime::Duration& from, inference::StatisticDuration& to) {
  to.set_count(from.count);
  to.set_ns(from.ns);
}

void describe(const ServedModel& model, inference::ModelStatistics& out) {
  const runtime::Statistics statistics = model.runner->statistics();
  out.set_name(model.name);
  out.set_version(model.version_text);
  out.set_last_inference(static_cast<uint64_t>(statistics.last_inference_ms));
  out.set_inference_count(statistics.rows);
  out.set_execution_count(statistics.launches);
  inference::InferStatistics& times = *out.mutable_inference_stats();
  copy(statistics.success, *times.mutable_success());
  copy(statistics.fail, *times.mutable_fail());
  copy(statistics.queue, *times.mutable_queue());
  copy(statistics.input, *times.mutable_compute_input());
  copy(statistics.infer, *times.mutable_compute_infer());
  copy(statistics.output, *times.mutable_compute_output());
  times.mutable_cache_hit();
  times.mutable_cache_miss();
  for (const auto& [rows, batch] : statistics.batches) {
    inference::InferBatchStatistics& entry = *out.add_batch_stats();
    entry.set_batch_size(rows);
    copy(batch.input, *entry.mutable_compute_input());
    copy(batch.infer, *entry.mutable_compute_infer());
    copy(batch.output, *entry.mutable_compute_output());
  }
}

}  // namespace

absl::Status Queries::check_alive() const {
  return exiting_.load() ? absl::UnavailableError("Server exiting") : absl::OkStatus();
}

absl::Status Queries::server_live(const inference::ServerLiveRequest&, inference::ServerLiveResponse& response) const {
  response.set_live(true);
  return check_alive();
}

absl::Status Queries::server_ready(const inference::ServerReadyRequest&,
                                   inference::ServerReadyResponse& response) const {
  response.set_ready(store_.ready());
  return check_alive();
}

absl::Status Queries::model_ready(const inference::ModelReadyRequest& request,
                                  inference::ModelReadyResponse& response) const {
  if (absl::Status s = check_alive(); !s.ok()) return s;
  const absl::StatusOr<ServedModel*> model = store_.find(request.name(), request.version());
  if (absl::IsInvalidArgument(model.status())) return model.status();
  response.set_ready(model.ok() && (*model)->runner->health().ok());
  return absl::OkStatus();
}

absl::Status Queries::server_metadata(const inference::ServerMetadataRequest&,
                                      inference::ServerMetadataResponse& response) const {
  response.set_name("strobe");
  response.set_version(STROBE_VERSION);
  for (const char* extension : {"model_configuration", "statistics"}) response.add_extensions(extension);
  return absl::OkStatus();
}

absl::Status Queries::model_metadata(const inference::ModelMetadataRequest& request,
                                     ModelMetadataResponse& response) const {
  const absl::StatusOr<ServedModel*> found = store_.find(request.name(), request.version());
  if (!found.ok()) return found.status();
  const ServedModel& model = **found;
  response.set_name(model.name);
  for (const ServedModel* version : store_.versions(model.name)) response.add_versions(version->version_text);
  response.set_platform(model.config.platform());
  const bool batched = model.max_batch_size > 0;
  for (const ServedTensor& tensor : model.inputs) describe(tensor, batched, *response.add_inputs());
  for (const ServedTensor& tensor : model.outputs) describe(tensor, batched, *response.add_outputs());
  response.mutable_properties()->insert(model.properties.begin(), model.properties.end());
  return absl::OkStatus();
}

absl::Status Queries::model_config(const inference::ModelConfigRequest& request,
                                   inference::ModelConfigResponse& response) const {
  const absl::StatusOr<ServedModel*> found = store_.find(request.name(), request.version());
  if (!found.ok()) return found.status();
  *response.mutable_config() = (*found)->config;
  return absl::OkStatus();
}

absl::Status Queries::model_statistics(const inference::ModelStatisticsRequest& request,
                                       inference::ModelStatisticsResponse& response) const {
  std::vector<ServedModel*> models;
  if (request.name().empty()) {
    models = store_.all();
  } else if (request.version().empty() && !store_.versions(request.name()).empty()) {
    models = store_.versions(request.name());
  } else {
    const absl::StatusOr<ServedModel*> found = store_.find(request.name(), request.version());
    if (!found.ok()) return found.status();
    models.push_back(*found);
  }
  for (const ServedModel* model : models) describe(*model, *response.add_model_stats());
  return absl::OkStatus();
}

absl::Status Queries::health(const grpc::health::v1::HealthCheckRequest& request,
                             grpc::health::v1::HealthCheckResponse& response) const {
  using Response = grpc::health::v1::HealthCheckResponse;
  if (!request.service().empty() && request.service() != "inference.GRPCInferenceService") {
    return absl::NotFoundError(absl::StrCat("unknown service '", request.service(), "'"));
  }
  response.set_status(!exiting_.load() && store_.ready() ? Response::SERVING : Response::NOT_SERVING);
  return absl::OkStatus();
}

}  // namespace strobe::server
