#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/server/model_store.h"

namespace strobe::server {

struct ServerOptions {
  /// host:port (port 0 for a free one) or "unix:/path". The default answers this machine only: the service has no
  /// authentication.
  std::string address = "127.0.0.1:8001";
  /// Threads that handle calls; 0: one on small machines (best latency), two from 8 cores.
  int threads = 0;
  /// Inferences that gRPC can hand over without waiting, and calls that may be in work at once.
  size_t waiting_calls = 64;
  size_t most_calls = 8192;
  /// Larger requests are refused by gRPC (RESOURCE_EXHAUSTED).
  int max_message_bytes = 64 << 20;
  /// After `shutdown` began: how long the server says "not ready" while it still serves, so that balancers turn away;
  /// and how long calls in work may take after that.
  std::chrono::milliseconds notice{0};
  std::chrono::milliseconds drain{30'000};
};

/// The inference service on one gRPC port. Translates calls into the runtime's requests; owns the port and its threads.
class GrpcServer {
 public:
  /// Listens and serves `store`, which must outlive the server.
  /// Errors: Unavailable where the address is taken, InvalidArgument where it is none.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> start(ServerOptions options, ModelStore& store);
  ~GrpcServer();

  /// Where it listens, with the port that was chosen.
  const std::string& address() const;
  /// Says "not ready", finishes the calls in work, stops. Called by the owner, once; the destructor does it too.
  void shutdown();

 private:
  struct Implementation;
  explicit GrpcServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace strobe::server
