#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "host/cli/command.h"
#include "host/cli/events.h"
#include "host/cli/progress.h"
#include "host/session/loaded_xclbin.h"
#include "strobe/session.h"

namespace strobe::cli {
namespace {

struct Settings {
  std::string xclbin, events, output, model;
  SessionOptions session;
  bool raw_in = false, raw_out = false, json = false;
};

struct Timings {
  double open = 0, read = 0, run = 0, write = 0;
};

class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void report(const Settings& settings, const Session& session, const Events& events, const Timings& t) {
  const double rate = t.run > 0 ? static_cast<double>(events.rows) / t.run : 0;
  if (settings.json) {
    nlohmann::ordered_json json;
    json["device"] = session.device_text();
    json["events"] = events.rows;
    json["saturated"] = events.changed.saturated;
    json["wrapped"] = events.changed.wrapped;
    json["seconds"] = {{"open", t.open}, {"read", t.read}, {"run", t.run}, {"write", t.write}};
    json["events_per_second"] = rate;
    if (!settings.output.empty()) json["scores"] = settings.output;
    std::printf("%s\n", json.dump(2).c_str());
    return;
  }
  std::printf("device: %s\n", session.device_text().c_str());
  std::printf("%zu events in %.3f s: %.4g events/s%s%s\n", events.rows, t.run, rate,
              settings.output.empty() ? "" : "; scores: ", settings.output.c_str());
  if (events.changed.total() > 0) {
    std::fprintf(stderr, "warning: %llu input values saturated and %llu wrapped on conversion to the input type%s\n",
                 static_cast<unsigned long long>(events.changed.saturated),
                 static_cast<unsigned long long>(events.changed.wrapped),
                 events.integers_as_numbers
                     ? " (the file holds integers, taken as numbers; --raw-in takes them as raw values)"
                     : "");
  }
}

absl::Status run_command(const Settings& settings) {
  Stopwatch watch;
  Timings t;
  auto loaded = session::load_xclbin(settings.xclbin);
  if (!loaded.ok()) return loaded.status();
  auto model = session::find_model(**loaded, settings.model);
  if (!model.ok()) return model.status();
  const model::Graph& graph = (*loaded)->package.models[*model].graph;
  auto events = read_events(settings.events, graph, settings.raw_in);
  if (!events.ok()) return events.status();
  t.read = watch.lap();
  if (absl::Status s = check_score_path(settings.output, graph); !s.ok()) return s;
  auto session = Session::open(settings.xclbin, settings.session);
  if (!session.ok()) return session.status();
  t.open = watch.lap();
  Scores scores = make_scores(graph, events->rows);
  const auto outputs = scores.spans();
  {
    Progress progress(events->rows);
    if (absl::Status s =
            (*session)->run(*model, events->rows, events->inputs, outputs, [&](size_t done) { progress.update(done); });
        !s.ok())
      return s;
  }
  t.run = watch.lap();
  if (!settings.output.empty()) {
    if (absl::Status s = write_scores(settings.output, scores, graph, settings.raw_out); !s.ok()) return s;
  }
  t.write = watch.lap();
  report(settings, **session, *events, t);
  return absl::OkStatus();
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("run", "Runs a file of events through an xclbin");
  command->footer(
      "EVENTS: .npy, .csv, .bin (raw rows) or .npz (arrays by tensor name). Floating-point events are converted by the "
      "input\n"
      "type's rounding and overflow. SCORES: .npy, .npz or .csv, float64 values that are exactly the fixed-point "
      "scores.\n"
      "Example: strobe run jets.xclbin jets.npy --raw-in -o scores.npy");
  command->add_option("XCLBIN", settings->xclbin, "made by strobe compile")->required();
  command->add_option("EVENTS", settings->events, "event file")->required();
  command->add_option("-o,--output", settings->output, "score file");
  command->add_option("--model", settings->model, "of an xclbin that holds several");
  command->add_option("--device", settings->session.device, "auto, emulator, xrt:N or opencl:N")->capture_default_str();
  command->add_option("--threads", settings->session.threads, "of the in-process emulator")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_flag("--raw-in", settings->raw_in, "events are raw fixed-point integers");
  command->add_flag("--raw-out", settings->raw_out, "scores are raw fixed-point integers");
  command->add_flag("--json", settings->json, "report as JSON");
  command->callback([settings, &action] { action = [settings] { return run_command(*settings); }; });
}

}  // namespace strobe::cli
