#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <cstddef>
#include <memory>
#include <optional>

#include "host/runtime/request.h"
#include "host/server/call.h"
#include "host/server/model_store.h"
#include "proto/inference.pb.h"

namespace strobe::server {

/// The one method worth a typed asynchronous registration; all others go through QueryCall.
class InferMethod : public grpc::Service {
 public:
  InferMethod();
  void request(grpc::ServerContext& context, inference::ModelInferRequest& request,
               grpc::ServerAsyncResponseWriter<inference::ModelInferResponse>& responder,
               grpc::ServerCompletionQueue& queue, void* tag) {
    RequestAsyncUnary(0, &context, &request, &responder, &queue, &queue, tag);
  }
};

/// What every inference call needs of its server.
struct InferServices {
  InferMethod& method;
  grpc::ServerCompletionQueue& queue;
  ModelStore& store;
  CallCounts& counts;
  size_t waiting_calls;
  size_t most_calls;
};

/// One inference at a time, over and over: accepts, checks, runs, answers. Its messages keep their memory between
/// calls.
///
/// Owns itself: lives until the server stops accepting. A new one is made whenever too few wait.
class InferCall {
 public:
  /// Makes a call object and lets it wait for an inference.
  static void add(const InferServices& services);

 private:
  explicit InferCall(const InferServices& services);
  void wait();
  void retire();
  void on_accepted(bool ok);
  void on_finished(bool ok);
  void on_done(bool ok);
  void on_ran(const absl::Status& status);
  void handle();
  void finish_one();

  const InferServices& services_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<inference::ModelInferResponse>> responder_;
  inference::ModelInferRequest request_;
  inference::ModelInferResponse response_;
  runtime::Request work_;
  size_t message_bytes_ = 0;
  std::atomic<int> events_left_{0};  ///< finished and done both come before the next wait
  MemberEvent<InferCall> accepted_{*this, &InferCall::on_accepted};
  MemberEvent<InferCall> finished_{*this, &InferCall::on_finished};
  MemberEvent<InferCall> done_{*this, &InferCall::on_done};
};

}  // namespace strobe::server
