#pragma once

#include <string>

#include "host/http/http_server.h"
#include "host/scouting/control/controller.h"

namespace strobe::scouting {

/// HTTP of a scouting node:
///   GET  /state    {"state": "running", "run": 1, "error": ""}
///   GET  /account  the account as JSON
///   GET  /metrics  the account as Prometheus text
///   POST /configure, /start?run=N, /pause, /resume, /stop, /reset
///        202 with the state that it leads to, or 409 where the state does not allow it; what becomes of it, /state
///        says
http::Handler control_routes(Controller& controller);

}  // namespace strobe::scouting
