#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/cli/command.h"
#include "host/cli/interruption.h"
#include "host/http/http_server.h"
#include "host/scouting/config/config.h"
#include "host/scouting/config/yaml_reader.h"
#include "host/scouting/control/controller.h"
#include "host/scouting/control/routes.h"
#include "host/scouting/pipeline/live_view.h"
#include "host/scouting/pipeline/pipeline.h"
#include "host/session/device_share.h"
#include "host/session/loaded_xclbin.h"
#include "platform/files/file.h"

namespace strobe::cli {
namespace {

using scouting::Account;
using scouting::Controller;
using scouting::State;

struct Settings {
  std::string config, control;
  uint32_t run = 0;
  double seconds = 0;
  bool wait = false, live = false, check = false, json = false;
};

void log_line(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

/// Joins the pipeline's models with xclbins and devices; models of one xclbin on the same device share it.
class ModelOpeners {
 public:
  absl::StatusOr<runtime::ModelSpec> open(const scouting::ModelConfig& config) {
    auto loaded = session::load_xclbin(config.xclbin);
    if (!loaded.ok()) return loaded.status();
    session::DeviceShare& devices = share(config.device, config.threads);
    if (!config.forest.empty()) {
      auto with_forest = session::with_forest_file(**loaded, config.kernel, config.forest);
      if (!with_forest.ok()) return with_forest.status();
      return devices.forest_spec(*loaded, **with_forest, (*with_forest)->forests.begin()->first);
    }
    auto index = session::find_model(**loaded, config.kernel);
    if (!index.ok()) return index.status();
    if (absl::Status s = session::check_runnable(**loaded, *index); !s.ok()) return s;
    return devices.spec(*loaded, *index);
  }

 private:
  session::DeviceShare& share(const std::string& device, int threads) {
    auto& share = shares_[{device, threads}];
    if (share == nullptr) share = std::make_unique<session::DeviceShare>(device, threads, log_line);
    return *share;
  }

  std::map<std::pair<std::string, int>, std::unique_ptr<session::DeviceShare>> shares_;
};

absl::StatusOr<scouting::Config> read_config(const Settings& settings) {
  auto text = files::read_file(settings.config, 64 << 20);
  if (!text.ok()) return text.status();
  auto config = scouting::parse_config(*text, settings.config);
  if (!config.ok()) return config.status();
  if (settings.run != 0) config->run = settings.run;
  if (!settings.control.empty()) config->control = settings.control;
  return config;
}

/// What `start` does: reads the configuration anew, as it may have changed since the last run.
absl::StatusOr<std::unique_ptr<scouting::Pipeline>> build(const Settings& settings, uint32_t run,
                                                          uint32_t& chosen_run) {
  auto config = read_config(settings);
  if (!config.ok()) return config.status();
  if (run != 0) config->run = run;
  chosen_run = config->run;
  auto openers = std::make_shared<ModelOpeners>();
  return scouting::Pipeline::open(
      *config, {[openers](const scouting::ModelConfig& model) { return openers->open(model); }, log_line,
                STROBE_VERSION, settings.check});
}

/// Prints and saves a run's account. Errors: the run's own, and an account that does not add up.
absl::Status report(const Settings& settings, const std::string& account_file, const Account& account,
                    const absl::Status& status) {
  const std::string json = scouting::account_json(account);
  std::string text = settings.json ? json : scouting::account_text(account);
  if (!settings.json) {
    for (const scouting::Histogram& histogram : account.histograms)
      absl::StrAppend(&text, "\n", scouting::histogram_text(histogram));
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  absl::Status result = status;
  if (!account_file.empty()) result.Update(files::write_file(account_file, json));
  for (const std::string& mistake : account.mistakes(true))
    result.Update(absl::InternalError(absl::StrCat("the account does not add up: ", mistake)));
  return result;
}

/// Shows the screen, ends the run after its time, until a signal comes or, without --wait, nothing runs any more.
void attend(const Settings& settings, Controller& controller, const std::atomic<bool>& stop) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLook{20}, kScreen{1000};
  const bool terminal = settings.live && ::isatty(STDERR_FILENO) == 1;
  Clock::time_point next_screen = Clock::now();
  Account before;
  while (!stop) {
    const State state = controller.state();
    const bool runs = state == State::kRunning || state == State::kPaused;
    if (!runs && !settings.wait) return;
    std::this_thread::sleep_for(kLook);
    const bool over =
        settings.seconds > 0 && state == State::kRunning && controller.account().seconds >= settings.seconds;
    if (over) (void)controller.submit(scouting::Command::kStop);
    if (over) (void)controller.settle();
    if (!settings.live || Clock::now() < next_screen) continue;
    next_screen = Clock::now() + kScreen;
    Account now = controller.account();
    // On a terminal: to the first place, each line's rest and what is below erased. Else one screen after the other.
    std::fprintf(stderr, "%s%s%s\n", terminal ? "\x1b[H\x1b[J" : "", scouting::live_text(before, now).c_str(),
                 terminal ? "" : "--");
    before = std::move(now);
  }
}

absl::StatusOr<std::unique_ptr<http::HttpServer>> start_control(const std::string& address, Controller& controller) {
  if (address.empty()) return nullptr;
  http::Limits limits;
  limits.post = true;
  auto server = http::HttpServer::start(address, scouting::control_routes(controller), limits);
  if (server.ok()) log_line(absl::StrCat("control and metrics on http://", (*server)->address()));
  return server;
}

absl::Status scout_command(const Settings& settings, Interruption& interruption) {
  auto config = read_config(settings);
  if (!config.ok()) return config.status();
  uint32_t run = 0;
  if (settings.check) {
    if (absl::Status s = build(settings, 0, run).status(); !s.ok()) return s;
    log_line(absl::StrCat(settings.config, ": nothing wrong found"));
    return absl::OkStatus();
  }
  const std::atomic<bool>& stop = interruption.watch_for();
  absl::Status outcome;
  Controller controller([&](uint32_t wanted, uint32_t& chosen) { return build(settings, wanted, chosen); },
                        [&](const Account& account, const absl::Status& status) {
                          outcome = report(settings, config->account_file, account, status);
                        });
  if (absl::Status s = controller.submit(scouting::Command::kConfigure); !s.ok()) return s;
  if (absl::Status s = controller.settle(); !s.ok()) return s;
  auto control = start_control(config->control, controller);
  if (!control.ok() && settings.control.empty())
    return scouting::flaw_at(config->file, config->root["control"], std::string(control.status().message()));
  if (!control.ok()) return control.status();
  if (!settings.wait) {
    if (absl::Status s = controller.submit(scouting::Command::kStart); !s.ok()) return s;
    if (absl::Status s = controller.settle(); !s.ok()) return s;
  }
  attend(settings, controller, stop);
  if (stop) log_line("stopping: what was received is finished");
  if (controller.submit(scouting::Command::kStop).ok()) (void)controller.settle();
  controller.wait_until_rest();
  return outcome;
}

void add_pipeline_options(CLI::App& scout, Settings& settings) {
  scout.add_option("--config", settings.config, "the pipeline, in YAML (docs/scouting-pipeline.md)")->type_name("FILE");
  scout.add_option("--run", settings.run, "run number, instead of the configuration's")->type_name("N");
  scout.add_option("--control", settings.control, "address of HTTP control and metrics, host:port")
      ->type_name("ADDRESS");
  scout.add_flag("--wait", settings.wait, "configures, and starts when HTTP says so; ends by a signal");
  scout.add_option("--seconds", settings.seconds, "ends the run after that time")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber);
  scout.add_flag("--live", settings.live, "shows rates, queues and losses every second on standard error");
  scout.add_flag("--check", settings.check, "opens what the configuration names but writes no file, and ends");
  scout.add_flag("--json", settings.json, "prints the account as JSON");
}

}  // namespace

void add_scout(CLI::App& app, Action& action, Interruption& interruption) {
  CLI::App* scout = app.add_subcommand("scout", "Runs models on the Level-1 trigger's scouting streams");
  auto settings = std::make_shared<Settings>();
  scout->footer(
      "Receives, decodes, selects, runs models, filters and writes, as the configuration says, and prints an account "
      "of\n"
      "every orbit at the end. SIGTERM ends receiving, finishes what is inside and closes files at an orbit's border.\n"
      "Example: strobe scout generate --format gmt --orbits 11245 -o muons.dat && strobe scout --config dimuon.yml");
  scout->require_subcommand(0, 1);
  add_pipeline_options(*scout, *settings);
  add_scout_generate(*scout, action, interruption);
  scout->callback([scout, settings, &action, &interruption] {
    if (!scout->get_subcommands().empty()) return;
    if (settings->config.empty()) throw CLI::RequiredError("--config");
    action = [settings, &interruption] { return scout_command(*settings, interruption); };
  });
}

}  // namespace strobe::cli
