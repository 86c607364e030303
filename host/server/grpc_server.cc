#include "host/server/grpc_server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/server/infer_call.h"
#include "host/server/queries.h"
#include "host/server/query_call.h"

namespace strobe::server {
namespace {

constexpr int kQueryCalls = 8;

/// Why an address cannot be bound, found by trying: gRPC itself only says that it failed.
std::string bind_failure(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || address.rfind("unix:", 0) == 0) return "cannot be bound";
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found); error != 0) {
    return gai_strerror(error);
  }
  std::string reason = "cannot be bound";
  const int socket_fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
  if (socket_fd >= 0) {
    const int on = 1;
    setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const bool bound = bind(socket_fd, found->ai_addr, found->ai_addrlen) == 0 && listen(socket_fd, 1) == 0;
    if (!bound) reason = std::strerror(errno);
    close(socket_fd);
  }
  freeaddrinfo(found);
  return reason;
}

/// Keeps gRPC from writing its own, unreadable account of a failed start to stderr. What failed is in our status.
class QuietGrpc {
 public:
  QuietGrpc() {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }
  ~QuietGrpc() { gpr_set_log_function(nullptr); }
};

int thread_count(int wanted) {
  if (wanted > 0) return wanted;
  return std::thread::hardware_concurrency() >= 8 ? 2 : 1;
}

}  // namespace

struct GrpcServer::Implementation {
  Implementation(ServerOptions o, ModelStore& s) : options(std::move(o)), store(s), queries(s) {}

  absl::Status listen();
  void accept();
  void serve();
  void shutdown();

  const ServerOptions options;
  ModelStore& store;
  Queries queries;
  QueryTable query_table = make_query_table(queries);
  InferMethod infer_method;
  grpc::AsyncGenericService query_service;
  CallCounts counts;
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<InferServices> infer_services;
  std::unique_ptr<QueryServices> query_services;
  std::vector<std::thread> threads;
  std::string address;
};

namespace {

/// gRPC takes a missing port for 443 and port 65536 for 0; neither is what somebody meant.
absl::Status check_address(const std::string& address) {
  if (address.rfind("unix:", 0) == 0) return absl::OkStatus();
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot listen on '", address, "': expected HOST:PORT with a port of 0 to 65535, or unix:/PATH"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status GrpcServer::Implementation::listen() {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers on one port is a mistake, not a wish
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.RegisterService(&infer_method);
  builder.RegisterAsyncGenericService(&query_service);
  queue = builder.AddCompletionQueue();
  server = builder.BuildAndStart();
  const bool is_unix = options.address.rfind("unix:", 0) == 0;
  if (server == nullptr || (port == 0 && !is_unix)) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on '", options.address, "': ", bind_failure(options.address)));
  }
  address = is_unix ? options.address : absl::StrCat(options.address.substr(0, options.address.rfind(':')), ":", port);
  return absl::OkStatus();
}

void GrpcServer::Implementation::accept() {
  infer_services = std::make_unique<InferServices>(
      InferServices{infer_method, *queue, store, counts, options.waiting_calls, options.most_calls});
  query_services = std::make_unique<QueryServices>(QueryServices{query_service, *queue, query_table, counts});
  for (size_t i = 0; i < options.waiting_calls; ++i) InferCall::add(*infer_services);
  for (int i = 0; i < kQueryCalls; ++i) QueryCall::add(*query_services);
  for (int i = 0; i < thread_count(options.threads); ++i) threads.emplace_back([this] { serve(); });
}

void GrpcServer::Implementation::serve() {
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<Event*>(tag)->proceed(ok);
}

void GrpcServer::Implementation::shutdown() {
  if (threads.empty()) return;
  queries.begin_exit();
  std::this_thread::sleep_for(options.notice);
  server->Shutdown(std::chrono::system_clock::now() + options.drain);
  // From now on every call object that waits, or goes back to waiting, is handed back and retires. The queue may close
  // only when none is left to use it.
  for (size_t alive = counts.alive.load(); alive > 0; alive = counts.alive.load()) counts.alive.wait(alive);
  queue->Shutdown();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
}

GrpcServer::GrpcServer(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::start(ServerOptions options, ModelStore& store) {
  if (absl::Status s = check_address(options.address); !s.ok()) return s;
  const QuietGrpc quiet;
  // Every client can send what does not parse; the answer says so, and the log is not theirs to fill.
  google::protobuf::SetLogHandler(nullptr);
  auto implementation = std::make_unique<Implementation>(std::move(options), store);
  if (absl::Status status = implementation->listen(); !status.ok()) {
    if (implementation->server != nullptr) implementation->server->Shutdown();
    implementation->queue->Shutdown();
    implementation->serve();
    implementation.reset();
    return status;
  }
  implementation->accept();
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(implementation)));
}

GrpcServer::~GrpcServer() { shutdown(); }

const std::string& GrpcServer::address() const { return implementation_->address; }

void GrpcServer::shutdown() { implementation_->shutdown(); }

}  // namespace strobe::server
