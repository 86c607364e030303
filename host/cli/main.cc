#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "host/cli/command.h"
#include "host/cli/interruption.h"
#include "host/cli/suggestions.h"

namespace {

constexpr int kProblem = 1;  // with the input or the run
constexpr int kUsage = 2;

/// Whether whoever read the standard output is gone, as `head` is after its lines.
bool reader_is_gone() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

/// The end that SIGPIPE would have brought, but with everything tidied up.
void end_by_broken_pipe() {
  ::signal(SIGPIPE, SIG_DFL);
  ::raise(SIGPIPE);
}

int run(int argc, char** argv) {
  CLI::App app{
      "strobe runs trained models on FPGA accelerator cards, or bit for bit the same in emulation.\n"
      "Example: strobe compile network.keras -o network.xclbin && strobe run network.xclbin events.npy -o scores.npy"};
  app.name("strobe");
  app.set_version_flag("--version", "strobe " STROBE_VERSION);
  app.require_subcommand(1);
  strobe::cli::Interruption interruption;
  strobe::cli::Action action;
  strobe::cli::add_compile(app, action);
  strobe::cli::add_inspect(app, action);
  strobe::cli::add_devices(app, action);
  strobe::cli::add_run(app, action);
  strobe::cli::add_check(app, action);
  strobe::cli::add_scan(app, action);
  strobe::cli::add_serve(app, action, interruption);
  strobe::cli::add_scout(app, action, interruption);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for_help = error.get_exit_code() == 0;
    const std::string unknown = asked_for_help ? "" : strobe::cli::explain_extras(app, app.remaining(true));
    if (unknown.empty()) return app.exit(error) == 0 ? 0 : kUsage;
    std::fprintf(stderr, "strobe: %s\n", unknown.c_str());
    return kUsage;
  }
  absl::Status status = action();
  if (status.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
    if (reader_is_gone()) end_by_broken_pipe();
    status = absl::UnavailableError("standard output: not everything could be written (a full disk?)");
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "strobe: %s\n", std::string(status.message()).c_str());
  return kProblem;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "strobe: out of memory\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "strobe: %s\n", error.what());
  }
  return kProblem;
}
