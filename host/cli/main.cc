#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "host/cli/command.h"

namespace {

constexpr int kProblem = 1;  // with the input or the run
constexpr int kUsage = 2;

int run(int argc, char** argv) {
  CLI::App app{
      "strobe runs trained models on FPGA accelerator cards, or bit for bit the same in emulation.\n"
      "Example: strobe compile network.keras -o network.xclbin && strobe run network.xclbin events.npy -o scores.npy"};
  app.name("strobe");
  app.set_version_flag("--version", "strobe " STROBE_VERSION);
  app.require_subcommand(1);
  strobe::cli::Action action;
  strobe::cli::add_compile(app, action);
  strobe::cli::add_inspect(app, action);
  strobe::cli::add_devices(app, action);
  strobe::cli::add_run(app, action);
  strobe::cli::add_check(app, action);
  strobe::cli::add_serve(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  absl::Status status = action();
  if (status.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
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
