#pragma once

#include <functional>
#include <string>

#include "host/http/http_server.h"

namespace strobe::http {

/// What the inference service tells about itself. The functions are called on the HTTP server's thread.
struct ServiceState {
  std::string version;
  std::function<bool()> ready;           ///< whether requests are taken and can be answered
  std::function<std::string()> metrics;  ///< in Prometheus' text format
};

/// Routes of health probes and monitors, with the paths and meanings of KServe v2:
///   /v2/health/live   200
///   /v2/health/ready  200 or 503
///   /v2               name and version
///   /metrics          Prometheus text
/// and 404 for the rest.
Handler service_routes(ServiceState state);

}  // namespace strobe::http
