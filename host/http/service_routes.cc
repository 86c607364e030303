#include "host/http/service_routes.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace strobe::http {
namespace {

Response json(int status, const nlohmann::ordered_json& value) { return {status, "application/json", value.dump()}; }

}  // namespace

Handler service_routes(ServiceState state) {
  return [state = std::move(state)](const Request& request) -> Response {
    const std::string& path = request.path;
    if (path == "/v2/health/live") return json(200, {{"live", true}});
    if (path == "/v2/health/ready") {
      const bool ready = state.ready();
      return json(ready ? 200 : 503, {{"ready", ready}});
    }
    if (path == "/v2") {
      const auto extensions = nlohmann::ordered_json::array();
      return json(200, {{"name", "strobe"}, {"version", state.version}, {"extensions", extensions}});
    }
    if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", state.metrics()};
    return {404, "text/plain", "expected /v2, /v2/health/live, /v2/health/ready or /metrics\n"};
  };
}

}  // namespace strobe::http
