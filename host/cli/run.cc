#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>

#include "host/cli/command.h"
#include "host/cli/events.h"
#include "host/cli/progress.h"
#include "host/cli/report_text.h"
#include "host/cli/scores.h"
#include "host/session/loaded_xclbin.h"
#include "kernels/emulator/emulator.h"
#include "kernels/quantise/forest.h"
#include "platform/process/stopwatch.h"

namespace strobe::cli {
namespace {

struct Settings {
  std::string xclbin, events, output, model, forest;
  SessionOptions session;
  bool raw_in = false, raw_out = false, leaves = false, json = false;
};

struct Timings {
  double open = 0;  ///< files and device
  double run = 0;   ///< from the first event to the last score, in its file
};

void report(const Settings& settings, const std::string& device, const Events& events, const Timings& t) {
  const double rate = t.run > 0 ? static_cast<double>(events.rows) / t.run : 0;
  if (settings.json) {
    nlohmann::ordered_json json;
    json["device"] = device;
    json["events"] = events.rows;
    json["saturated"] = events.changed.saturated;
    json["wrapped"] = events.changed.wrapped;
    json["seconds"] = {{"open", t.open}, {"run", t.run}};
    json["events_per_second"] = rate;
    if (!settings.output.empty()) json["scores"] = settings.output;
    print_document(json);
    return;
  }
  std::printf("device: %s\n", device.c_str());
  const std::string what = settings.leaves ? "leaves" : "scores";
  const std::string written = settings.output.empty() ? what + " were not kept: name a file with -o" : what + ": ";
  std::printf("%zu events in %.3f s: %.4g events/s; %s%s\n", events.rows, t.run, rate, written.c_str(),
              settings.output.c_str());
  for (const std::string& warning : overflow_warnings(events)) std::fprintf(stderr, "warning: %s\n", warning.c_str());
}

/// The leaves that a forest's trees end in, instead of its scores: in process, from the same graph.
absl::Status run_leaves(const Settings& settings, const model::Graph& scores, const Events& events,
                        process::Stopwatch& watch, Timings& t) {
  if (settings.session.device != "auto" && settings.session.device != "emulator")
    return absl::InvalidArgumentError("--leaves: leaves are found in process; take --device emulator");
  auto graph = quantise::with_leaves(scores);
  if (!graph.ok()) return graph.status();
  if (absl::Status s = check_score_path(settings.output, *graph); !s.ok()) return s;
  auto emulator = emulator::Emulator::create(*graph);
  if (!emulator.ok()) return emulator.status();
  t.open += watch.lap();
  Scores leaves = make_scores(*graph, events.rows);
  const auto in_bytes = static_cast<size_t>(graph->input(0).type.row_bytes());
  const auto out_bytes = static_cast<size_t>(graph->output(0).type.row_bytes());
  emulator::Scratch scratch;
  constexpr size_t kChunkRows = 16384;
  for (size_t first = 0; first < events.rows; first += kChunkRows) {
    const std::byte* in[] = {events.inputs[0].data() + first * in_bytes};
    std::byte* out[] = {leaves.outputs[0].data() + first * out_bytes};
    const size_t count = std::min(kChunkRows, events.rows - first);
    if (absl::Status s = emulator->run(in, out, count, scratch); !s.ok()) return s;
  }
  if (!settings.output.empty()) {
    if (absl::Status s = write_scores(settings.output, leaves, *graph, /*raw=*/true); !s.ok()) return s;
  }
  t.run = watch.lap();
  return absl::OkStatus();
}

/// Rows from the file through the device into the score file, a piece at a time: while one runs, the next is converted
/// and the last is written.
class Stream {
 public:
  Stream(Session& session, size_t model, EventSource& source, ScoreFile& file, const model::Graph& graph)
      : session_(session), model_(model), source_(source), file_(file) {
    for (Scores& scores : scores_) scores = make_scores(graph, std::min(kChunkRows, source.rows()));
  }

  absl::Status run(Progress& progress) {
    std::future<absl::Status> converting, writing;
    const auto convert = [&](size_t first, size_t into) {
      const size_t count = std::min(kChunkRows, source_.rows() - first);
      return std::async(std::launch::async, [=, this] { return source_.take(first, count, chunks_[into]); });
    };
    if (source_.rows() > 0) converting = convert(0, 0);
    size_t at = 0;
    for (size_t first = 0; first < source_.rows(); first += kChunkRows, at = 1 - at) {
      if (absl::Status s = converting.get(); !s.ok()) return s;
      if (first + kChunkRows < source_.rows()) converting = convert(first + kChunkRows, 1 - at);
      Scores& scores = scores_[at];
      scores.rows = std::min(kChunkRows, source_.rows() - first);
      const auto outputs = scores.spans();
      const auto report = [&](size_t done) { progress.update(first + done); };
      if (absl::Status s = session_.run(model_, scores.rows, chunks_[at].inputs, outputs, report); !s.ok()) return s;
      if (absl::Status s = writing.valid() ? writing.get() : absl::OkStatus(); !s.ok()) return s;
      writing = std::async(std::launch::async, [this, &scores] { return file_.append(scores); });
    }
    if (absl::Status s = writing.valid() ? writing.get() : absl::OkStatus(); !s.ok()) return s;
    return file_.commit();
  }

 private:
  /// Large enough that a device's launches overlap and threads cost nothing, small enough for a processor's cache.
  static constexpr size_t kChunkRows = size_t{1} << 18;

  Session& session_;
  size_t model_;
  EventSource& source_;
  ScoreFile& file_;
  EventSource::Chunk chunks_[2];
  Scores scores_[2];
};

absl::Status run_command(const Settings& settings) {
  process::Stopwatch watch;
  Timings t;
  auto loaded = session::load_xclbin(settings.xclbin);
  if (!loaded.ok()) return loaded.status();
  if (!settings.forest.empty()) {
    loaded = session::with_forest_file(**loaded, settings.model, settings.forest);
    if (!loaded.ok()) return loaded.status();
  }
  auto model = session::find_model(**loaded, settings.model);
  if (!model.ok()) return model.status();
  if (absl::Status s = session::check_runnable(**loaded, *model); !s.ok()) return s;
  const model::Graph& graph = (*loaded)->package.models[*model].graph;
  if (settings.leaves) {
    auto events = read_events(settings.events, graph, settings.raw_in);
    if (!events.ok()) return events.status();
    t.open = watch.lap();
    if (absl::Status s = run_leaves(settings, graph, *events, watch, t); !s.ok()) return s;
    report(settings, "emulator, in process", *events, t);
    return absl::OkStatus();
  }
  auto source = EventSource::open(settings.events, graph, settings.raw_in);
  if (!source.ok()) return source.status();
  if (absl::Status s = check_score_path(settings.output, graph); !s.ok()) return s;
  auto session = session::open_session(*loaded, settings.session);
  if (!session.ok()) return session.status();
  auto file = ScoreFile::create(settings.output, graph, source->rows(), settings.raw_out);
  if (!file.ok()) return file.status();
  t.open = watch.lap();
  {
    Progress progress(source->rows());
    if (absl::Status s = Stream(**session, *model, *source, **file, graph).run(progress); !s.ok()) return s;
  }
  t.run = watch.lap();
  Events summary;
  summary.rows = source->rows();
  source->note_overflows(summary);
  report(settings, (*session)->device_text(), summary, t);
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
      "Example: strobe run jets.xclbin jets.npy -o scores.npy");
  command->add_option("XCLBIN", settings->xclbin, "xclbin made by strobe compile")->type_name("FILE")->required();
  command->add_option("EVENTS", settings->events, "file of events")->type_name("FILE")->required();
  command->add_option("-o,--output", settings->output, "score file; without it scores are computed and thrown away")
      ->type_name("FILE");
  command
      ->add_option("--model", settings->model,
                   "of an xclbin that holds several models: which one (strobe inspect lists them)")
      ->type_name("NAME");
  command
      ->add_option("--forest", settings->forest,
                   "of an xclbin that is a forest engine: the forest to run, made by strobe compile --for")
      ->type_name("FILE");
  command->add_option("--device", settings->session.device, "auto, emulator, xrt:N or opencl:N")
      ->type_name("DEVICE")
      ->capture_default_str();
  command->add_option("--threads", settings->session.threads, "threads of the in-process emulator")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_flag("--raw-in", settings->raw_in, "events are raw fixed-point integers");
  command->add_flag("--raw-out", settings->raw_out, "scores are raw fixed-point integers");
  command->add_flag("--leaves", settings->leaves,
                    "of a forest: the leaf that each tree ends in, int32 [events, trees], instead of scores");
  command->add_flag("--json", settings->json, "report as JSON");
  command->callback([settings, &action] { action = [settings] { return run_command(*settings); }; });
}

}  // namespace strobe::cli
