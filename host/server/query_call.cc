#include "host/server/query_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include "absl/strings/str_cat.h"
#include "host/server/status_translation.h"

namespace strobe::server {
namespace {

template <typename Request, typename Response>
QueryHandler handler(const Queries& queries, absl::Status (Queries::*answer)(const Request&, Response&) const) {
  return [&queries, answer](grpc::ByteBuffer& in, grpc::ByteBuffer& out) -> grpc::Status {
    Request request;
    grpc::ProtoBufferReader reader(&in);
    if (!reader.status().ok() || !request.ParseFromZeroCopyStream(&reader)) {
      return {grpc::StatusCode::INVALID_ARGUMENT,
              absl::StrCat("the message cannot be read as ", Request::descriptor()->full_name())};
    }
    Response response;
    if (absl::Status status = (queries.*answer)(request, response); !status.ok()) return to_grpc(status);
    bool own_buffer = false;
    return grpc::GenericSerialize<grpc::ProtoBufferWriter, Response>(response, &out, &own_buffer);
  };
}

}  // namespace

QueryTable make_query_table(const Queries& queries) {
  const std::string inference = "/inference.GRPCInferenceService/";
  return {
      {inference + "ServerLive", handler(queries, &Queries::server_live)},
      {inference + "ServerReady", handler(queries, &Queries::server_ready)},
      {inference + "ModelReady", handler(queries, &Queries::model_ready)},
      {inference + "ServerMetadata", handler(queries, &Queries::server_metadata)},
      {inference + "ModelMetadata", handler(queries, &Queries::model_metadata)},
      {inference + "ModelConfig", handler(queries, &Queries::model_config)},
      {inference + "ModelStatistics", handler(queries, &Queries::model_statistics)},
      {"/grpc.health.v1.Health/Check", handler(queries, &Queries::health)},
  };
}

void QueryCall::add(const QueryServices& services) {
  services.counts.alive.fetch_add(1);
  auto* call = new QueryCall(services);  // owned by the completion queue's events, until retire()
  call->wait();
}

void QueryCall::wait() {
  context_.emplace();
  stream_.emplace(&*context_);
  services_.service.RequestCall(&*context_, &*stream_, &services_.queue, &services_.queue,
                                static_cast<Event*>(&accepted_));
}

void QueryCall::retire() {
  CallCounts& counts = services_.counts;
  delete this;
  counts.alive.fetch_sub(1);
  counts.alive.notify_all();
}

void QueryCall::on_accepted(bool ok) {
  if (!ok) return retire();
  if (!services_.table.contains(context_->method())) {
    return finish(
        {grpc::StatusCode::UNIMPLEMENTED, absl::StrCat("method ", context_->method(), " is not implemented")});
  }
  stream_->Read(&request_, static_cast<Event*>(&read_));
}

void QueryCall::on_read(bool ok) {
  if (!ok)
    return finish(
        {grpc::StatusCode::INVALID_ARGUMENT, absl::StrCat(context_->method(), ": a request message is missing")});
  const grpc::Status status = services_.table.at(context_->method())(request_, response_);
  if (!status.ok()) return finish(status);
  stream_->WriteAndFinish(response_, grpc::WriteOptions(), status, static_cast<Event*>(&finished_));
}

void QueryCall::finish(const grpc::Status& status) { stream_->Finish(status, static_cast<Event*>(&finished_)); }

void QueryCall::on_finished(bool) {
  request_.Clear();
  response_.Clear();
  wait();
}

}  // namespace strobe::server
