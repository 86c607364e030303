#include "host/scouting/control/routes.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace strobe::scouting {
namespace {

http::Response json(int status, const nlohmann::ordered_json& value) {
  return {status, "application/json",
          value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n"};
}

http::Response order(Controller& controller, const http::Request& request) {
  const auto command = find_command(std::string_view(request.path).substr(1));
  if (!command) return {404, "text/plain", "expected POST /configure, /start, /pause, /resume, /stop or /reset\n"};
  uint32_t run = 0;
  if (!request.query.empty()) {
    absl::string_view number = request.query;
    if (!absl::ConsumePrefix(&number, "run=") || !absl::SimpleAtoi(number, &run) || run == 0)
      return json(400, {{"error", "expected the query run=N, N from 1, found '" + request.query + "'"}});
  }
  if (absl::Status status = controller.submit(*command, run); !status.ok())
    return json(409, {{"error", std::string(status.message())}});
  return json(202, {{"accepted", std::string(name_of(*command))}});
}

}  // namespace

http::Handler control_routes(Controller& controller) {
  return [&controller](const http::Request& request) -> http::Response {
    if (request.post) return order(controller, request);
    if (request.path == "/state") {
      const Account account = controller.account();
      return json(200, {{"state", account.state}, {"run", account.run}, {"error", account.error}});
    }
    if (request.path == "/account") return {200, "application/json", account_json(controller.account())};
    if (request.path == "/metrics")
      return {200, "text/plain; version=0.0.4; charset=utf-8", account_metrics(controller.account())};
    return {404, "text/plain", "expected /state, /account or /metrics\n"};
  };
}

}  // namespace strobe::scouting
