#include "host/server/infer_call.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "host/server/infer_request.h"
#include "host/server/status_translation.h"

namespace strobe::server {
namespace {

/// Messages above this give their memory back after the call.
constexpr size_t kKeptBytes = 1 << 20;

size_t payload_bytes(const runtime::Request& work) {
  size_t bytes = 0;
  for (const runtime::InputRows& input : work.inputs) bytes += input.bytes.size();
  for (const runtime::OutputRows& output : work.outputs) bytes += output.bytes.size();
  return bytes;
}

/// The client's deadline in the runner's time.
int64_t deadline_ns(const grpc::ServerContext& context, const runtime::Clock& clock) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return runtime::Clock::kNever;
  const auto left = deadline - std::chrono::system_clock::now();
  if (left > std::chrono::hours(24)) return runtime::Clock::kNever;
  return clock.now_ns() + std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
}

}  // namespace

InferMethod::InferMethod() {
  AddMethod(new grpc::internal::RpcServiceMethod("/inference.GRPCInferenceService/ModelInfer",
                                                 grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
  MarkMethodAsync(0);
}

InferCall::InferCall(const InferServices& services) : services_(services) {
  work_.done = [this](const absl::Status& status) { on_ran(status); };
}

void InferCall::add(const InferServices& services) {
  services.counts.alive.fetch_add(1);
  auto* call = new InferCall(services);  // owned by the completion queue's events, until retire()
  call->wait();
}

void InferCall::wait() {
  context_.emplace();
  responder_.emplace(&*context_);
  context_->AsyncNotifyWhenDone(static_cast<Event*>(&done_));
  events_left_.store(2, std::memory_order_relaxed);
  services_.counts.waiting.fetch_add(1, std::memory_order_relaxed);
  services_.method.request(*context_, request_, *responder_, services_.queue, static_cast<Event*>(&accepted_));
}

void InferCall::retire() {
  CallCounts& counts = services_.counts;
  delete this;
  counts.alive.fetch_sub(1);
  counts.alive.notify_all();
}

void InferCall::on_accepted(bool ok) {
  const size_t waiting = services_.counts.waiting.fetch_sub(1, std::memory_order_relaxed) - 1;
  if (!ok) return retire();  // the server stops; done_ does not come for a call that never began
  if (waiting < services_.waiting_calls && services_.counts.alive.load() < services_.most_calls) add(services_);
  handle();
}

void InferCall::handle() {
  response_.Clear();
  const absl::StatusOr<ServedModel*> model = services_.store.find(request_.model_name(), request_.model_version());
  absl::Status status = model.status();
  if (status.ok()) status = prepare_inference(request_, **model, response_, work_);
  if (!status.ok()) return responder_->FinishWithError(to_grpc(status), static_cast<Event*>(&finished_));
  message_bytes_ = payload_bytes(work_);
  work_.deadline_ns = std::min(work_.deadline_ns, deadline_ns(*context_, *(*model)->clock));
  (*model)->runner->submit(work_);
}

void InferCall::on_ran(const absl::Status& status) {
  if (status.ok()) {
    responder_->Finish(response_, grpc::Status::OK, static_cast<Event*>(&finished_));
  } else {
    responder_->FinishWithError(to_grpc(status), static_cast<Event*>(&finished_));
  }
}

void InferCall::on_finished(bool) { finish_one(); }

void InferCall::on_done(bool) {
  // Comes early where the client went away. Harmless where the run is over already.
  if (context_->IsCancelled()) work_.cancelled.store(true, std::memory_order_relaxed);
  finish_one();
}

void InferCall::finish_one() {
  if (events_left_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  if (message_bytes_ > kKeptBytes) {
    inference::ModelInferRequest().Swap(&request_);
    inference::ModelInferResponse().Swap(&response_);
  }
  message_bytes_ = 0;
  wait();
}

}  // namespace strobe::server
