#include <CLI/CLI.hpp>

#include "host/cli/command.h"

namespace strobe::cli {

void add_check(CLI::App&, Action&) {}

}  // namespace strobe::cli
