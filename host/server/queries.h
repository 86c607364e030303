#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "host/server/model_store.h"
#include "proto/health.pb.h"
#include "proto/inference.pb.h"

namespace strobe::server {

/// Answers everything clients ask about the server and its models, inference aside. Thread-safe; never waits.
class Queries {
 public:
  explicit Queries(ModelStore& store) : store_(store) {}

  /// From now on the server says that it is going away.
  void begin_exit() { exiting_.store(true); }

  absl::Status server_live(const inference::ServerLiveRequest&, inference::ServerLiveResponse& response) const;
  absl::Status server_ready(const inference::ServerReadyRequest&, inference::ServerReadyResponse& response) const;
  absl::Status model_ready(const inference::ModelReadyRequest& request, inference::ModelReadyResponse& response) const;
  absl::Status server_metadata(const inference::ServerMetadataRequest&,
                               inference::ServerMetadataResponse& response) const;
  absl::Status model_metadata(const inference::ModelMetadataRequest& request,
                              inference::ModelMetadataResponse& response) const;
  absl::Status model_config(const inference::ModelConfigRequest& request,
                            inference::ModelConfigResponse& response) const;
  absl::Status model_statistics(const inference::ModelStatisticsRequest& request,
                                inference::ModelStatisticsResponse& response) const;
  absl::Status health(const grpc::health::v1::HealthCheckRequest& request,
                      grpc::health::v1::HealthCheckResponse& response) const;

 private:
  absl::Status check_alive() const;

  ModelStore& store_;
  std::atomic<bool> exiting_{false};
};

}  // namespace strobe::server
