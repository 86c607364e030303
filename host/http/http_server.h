#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace strobe::http {

struct Response {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
};

struct Request {
  bool post = false;  ///< else GET or HEAD
  std::string path;   ///< begins with '/', without the query
  std::string query;  ///< what follows '?', as it came
};

/// Answers a request. Called on the server's thread, one call at a time; it must not wait for anything, as nobody else
/// is answered meanwhile.
using Handler = std::function<Response(const Request& request)>;

/// What a client may take from the server.
struct Limits {
  /// For a request to arrive whole, counted from when the server is ready for it, and for its answer to be taken. A
  /// connection that needs longer, or idles longer between two requests, is cut.
  std::chrono::milliseconds timeout{5'000};
  /// Of a request line and its header fields together. More is answered 431.
  uint32_t header_bytes = 8 << 10;
  /// Open at once; further clients wait in the system's queue until one leaves.
  size_t connections = 64;
  /// Whether POST is taken; without a body, as GET. Else it is answered 405.
  bool post = false;
};

/// A small HTTP/1.1 server for health probes, metrics and commands: GET, HEAD and POST, no request bodies, keep-alive,
/// no TLS. One thread. It refuses by itself what is no such request: 400, 405, 431.
class HttpServer {
 public:
  /// Listens on `address`: host:port, [IPv6]:port; port 0 for a free one.
  /// Errors: InvalidArgument where the address is none, Unavailable where it cannot be had (in use, not ours).
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const std::string& address, Handler handler,
                                                           Limits limits = {});
  /// Closes the port and all connections at once.
  ~HttpServer();

  /// Where it listens, with the port that was chosen.
  const std::string& address() const;

 private:
  struct Implementation;
  explicit HttpServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace strobe::http
