#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}

/// The strobe program: one file a command, each of which reads its options, calls the libraries and prints.
namespace strobe::cli {

class Interruption;

/// What the chosen command is to do once the command line was read. Status OK: exit 0; an error: printed, exit 1.
using Action = std::function<absl::Status()>;

/// Each adds its subcommand to the program and, when that was chosen, leaves its action in `action`.
void add_compile(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);
void add_devices(CLI::App& app, Action& action);
void add_run(CLI::App& app, Action& action);
void add_check(CLI::App& app, Action& action);
void add_scan(CLI::App& app, Action& action);
void add_serve(CLI::App& app, Action& action, Interruption& interruption);
void add_scout(CLI::App& app, Action& action, Interruption& interruption);
/// Below `scout`.
void add_scout_generate(CLI::App& scout, Action& action, Interruption& interruption);

}  // namespace strobe::cli
