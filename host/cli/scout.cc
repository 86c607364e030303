#include <CLI/CLI.hpp>

#include "host/cli/command.h"

namespace strobe::cli {

void add_scout(CLI::App& app, Action& action, Interruption& interruption) {
  CLI::App* scout = app.add_subcommand("scout", "The Level-1 trigger's scouting streams");
  scout->footer("Example: strobe scout generate --format gmt --orbits 11245 -o muons.dat");
  scout->require_subcommand(1);
  add_scout_generate(*scout, action, interruption);
}

}  // namespace strobe::cli
