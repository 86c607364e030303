#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/cli/command.h"
#include "host/cli/events.h"
#include "host/cli/labels.h"
#include "host/cli/progress.h"
#include "host/cli/scan_menu_report.h"
#include "host/cli/scan_width_report.h"
#include "kernels/compile/prepare.h"
#include "kernels/formula/formula.h"
#include "kernels/import/formula_file.h"
#include "platform/files/file.h"

namespace strobe::cli {
namespace {

const std::vector<int> kInputWidths = {8, 10, 12, 16}, kWeightWidths = {4, 6, 8, 12, 16}, kScoreWidths = {8, 12, 16};
constexpr size_t kMostPoints = 10000;

struct Settings {
  compile::ModelOptions model;
  std::string events, input_type, labels, csv, plot;
  std::vector<int> input_widths, weight_widths, score_widths;
  ScoreOfLabel score_of_label;
  double threshold = 0.5;
  int threads = 1;
  bool raw_in = false, json = false;
};

/// Model and options as `strobe compile` takes them.
absl::StatusOr<compile::ModelOptions> model_options(const Settings& settings) {
  compile::ModelOptions options = settings.model;
  if (settings.input_type.empty()) return options;
  auto type = model::FixedType::parse(settings.input_type);
  if (!type.ok()) return absl::InvalidArgumentError(absl::StrCat("--input-type: ", type.status().message()));
  options.input_type = *type;
  return options;
}

std::vector<std::optional<int>> axis(const std::vector<int>& given, const std::vector<int>& defaults, bool is_open) {
  const std::vector<int>& widths = !given.empty() ? given : defaults;
  if (!is_open && given.empty()) return {std::nullopt};
  return {widths.begin(), widths.end()};
}

/// What a user leaves unsaid is tried in strobe's own choice of widths, as far as the model leaves them open.
scan::WidthAxes axes_of(const Settings& settings, const import::FloatModel& model) {
  const quantise::OpenWidths open = quantise::open_widths(model);
  return {axis(settings.input_widths, kInputWidths, true),
          axis(settings.weight_widths, kWeightWidths, open.weights && !open.exact_weights),
          axis(settings.score_widths, kScoreWidths, open.scores)};
}

/// "x[16]" for a formula of events of 16 numbers, where its file does not say what its inputs are and that name fits.
std::string inputs_of_formula(const compile::ModelOptions& model, const std::string& events) {
  if (!model.formula_inputs.empty()) return model.formula_inputs;
  auto arrays = read_arrays(events);
  if (!arrays.ok() || arrays->size() != 1 || (*arrays)[0].array.shape().empty()) return "";
  std::string inputs = absl::StrCat("x[", (*arrays)[0].array.row_elements(), "]");
  return import::import_formula(model.path, model.formula_choice, inputs).ok() ? inputs : "";
}

absl::StatusOr<scan::Sample> read_sample(const Settings& settings, const model::Graph& graph) {
  scan::Sample sample;
  auto numbers = read_event_numbers(settings.events, graph, settings.raw_in);
  if (!numbers.ok()) return numbers.status();
  sample.inputs = *std::move(numbers);
  sample.rows = sample.inputs[0].size() / static_cast<size_t>(std::max<int64_t>(graph.input(0).type.elements(), 1));
  if (sample.rows == 0) return absl::InvalidArgumentError(absl::StrCat(settings.events, ": holds no events"));
  for (size_t i = 0; i < sample.inputs.size(); ++i) {
    const auto elements = static_cast<size_t>(graph.input(i).type.elements());
    if (sample.inputs[i].size() != sample.rows * elements) {
      return absl::InvalidArgumentError(absl::StrCat(settings.events, ": input '", graph.input(i).name, "' has ",
                                                     sample.inputs[i].size() / elements, " events, '",
                                                     graph.input(0).name, "' ", sample.rows));
    }
  }
  auto labels = read_labels(settings.labels, settings.score_of_label, graph, sample.rows);
  if (!labels.ok()) return labels.status();
  sample.labels = *std::move(labels);
  sample.threshold = settings.threshold;
  return sample;
}

/// A graph whose inputs and outputs are the model's. A formula may be out of reach in types in which its events can be
/// read all the same: then one of as many inputs and outputs.
absl::StatusOr<model::Graph> border_of(const import::FloatModel& model, const quantise::QuantiseOptions& common) {
  auto base = quantise::quantise(model, common);
  if (base.ok()) return std::move(base->graph);
  const auto layer =
      std::find_if(model.layers.begin(), model.layers.end(), [](const auto& l) { return l.formula != nullptr; });
  if (layer == model.layers.end()) return base.status();
  std::string text = absl::StrCat("input ", absl::StrJoin(layer->formula->inputs, ", "), "\n");
  for (size_t o = 0; o < layer->formula->outputs.size(); ++o) absl::StrAppend(&text, layer->formula->inputs[0], "\n");
  auto plain = import::read_formula(text, model.name, "", "");
  if (!plain.ok()) return base.status();
  auto graph = quantise::quantise(*plain, common);
  return graph.ok() ? absl::StatusOr<model::Graph>(std::move(graph->graph)) : base.status();
}

absl::Status in_events(const Settings& settings, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(settings.events, ": ", status.message()));
}

absl::Status write_files(const Settings& settings, const std::string& csv, const std::string& plot) {
  if (!settings.csv.empty()) {
    if (absl::Status s = files::write_file(settings.csv, csv); !s.ok()) return s;
  }
  return settings.plot.empty() ? absl::OkStatus() : files::write_file(settings.plot, plot);
}

absl::Status scan_widths(const Settings& settings, const compile::ModelOptions& options,
                         const import::FloatModel& model, const scan::Sample& sample,
                         const quantise::QuantiseOptions& common) {
  scan::WidthScanSettings scan_settings{common, axes_of(settings, model), settings.threads, nullptr};
  const size_t count = scan::point_count(scan_settings.axes);
  if (count > kMostPoints)
    return absl::InvalidArgumentError(absl::StrCat("expected at most ", kMostPoints, " combinations, found ", count));
  absl::StatusOr<scan::WidthScan> scan;
  {
    Progress progress(count, "points");
    scan_settings.progress = [&](size_t done) { progress.update(done); };
    scan = scan::scan_widths(model, sample, scan_settings);
  }
  if (!scan.ok()) return in_events(settings, scan.status());
  const ScanSubject subject{options, sample.rows};
  settings.json ? print_json(subject, *scan) : print_text(subject, *scan);
  return write_files(settings, csv_text(*scan), picture(subject, *scan));
}

absl::Status scan_menu(const Settings& settings, const compile::ModelOptions& options, const scan::Sample& sample,
                       const quantise::QuantiseOptions& common) {
  if (!settings.input_widths.empty() || !settings.weight_widths.empty() || !settings.score_widths.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.path, ": widths are scanned of one choice of equations; name it with --select"));
  }
  auto levels = scan::menu_levels(options.path);
  if (!levels.ok()) return levels.status();
  absl::StatusOr<scan::Menu> menu;
  {
    Progress progress(levels->size(), "levels");
    menu = scan::scan_menu(sample, {options.path, options.formula_inputs, common, settings.threads,
                                    [&](size_t done) { progress.update(done); }});
  }
  if (!menu.ok()) return menu.status();
  const ScanSubject subject{options, sample.rows};
  settings.json ? print_json(subject, *menu) : print_text(subject, *menu);
  return write_files(settings, csv_text(*menu), picture(subject, *menu));
}

absl::Status scan_command(const Settings& settings) {
  if (!settings.plot.empty() && !absl::EndsWithIgnoreCase(settings.plot, ".svg"))
    return absl::InvalidArgumentError(absl::StrCat("--plot: expected a name ending in .svg, found ", settings.plot));
  auto options = model_options(settings);
  if (!options.ok()) return options.status();
  auto common = compile::quantise_options(*options);
  if (!common.ok()) return common.status();
  options->formula_inputs = inputs_of_formula(*options, settings.events);
  const bool menu = options->formula_choice.empty() && import::is_hall_of_fame_path(options->path);
  // Of a menu, any level tells what events look like.
  auto model = import::import_model(
      options->path, {options->weights, menu ? "loss" : options->formula_choice, options->formula_inputs});
  if (!model.ok()) return model.status();
  auto border = border_of(*model, *common);
  if (!border.ok()) return border.status();
  auto sample = read_sample(settings, *border);
  if (!sample.ok()) return sample.status();
  return menu ? scan_menu(settings, *options, *sample, *common)
              : scan_widths(settings, *options, *model, *sample, *common);
}

void add_widths(CLI::App* command, const char* name, std::vector<int>& widths, const char* words) {
  command->add_option(name, widths, words)->type_name("BITS,...")->delimiter(',')->check(CLI::Range(1, 64));
}

}  // namespace

void add_scan(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand(
      "scan", "Tries a model in many widths: accuracy, agreement with floating point, bit operations");
  command->footer(
      "Every combination of widths is quantised anew and runs all events in process; nothing is built. Integer bits\n"
      "follow from ranges: of inputs from the events, of scores from the floating-point scores of the events, of "
      "weights\n"
      "from the largest. The options of strobe compile that give a point again are printed for the Pareto front, and\n"
      "with --json for all.\n"
      "Of a PySR hall of fame (hall_of_fame.csv, or a folder of hall_of_fame*.csv, an output each) without --select "
      "the\n"
      "menu is shown instead: for each complexity accuracy, planned cycles and operations.\n"
      "Examples: strobe scan jets.keras jets.npy --labels labels.npy --input-widths 8,12,16 --plot scan.svg\n"
      "          strobe scan formulas/ jets.npy --labels labels.npy --plot menu.svg");
  command->add_option("MODEL", settings->model.path, "trained model, as for strobe compile; a PySR hall of fame")
      ->type_name("FILE")
      ->required();
  command->add_option("EVENTS", settings->events, "event file, as for strobe run")->type_name("FILE")->required();
  command
      ->add_option("--labels", settings->labels,
                   "class of each event (.npy, .csv; .npz by output name): index or one-hot row")
      ->type_name("FILE");
  command
      ->add_option("--score-of-label", settings->score_of_label,
                   "for each label 0, 1, ... the score that belongs to it, where the orders differ")
      ->type_name("N,...")
      ->delimiter(',');
  command->add_option("--threshold", settings->threshold, "a single score above it says class 1")
      ->type_name("NUMBER")
      ->capture_default_str();
  add_widths(command, "--input-widths", settings->input_widths, "of the events (default: 8,10,12,16)");
  add_widths(command, "--weight-widths", settings->weight_widths,
             "of weights without a trained quantiser (default: 4,6,8,12,16); of a forest, of its thresholds (default: "
             "as the inputs need them); of a formula, of its constants");
  add_widths(command, "--score-widths", settings->score_widths, "of the scores (default: 8,12,16)");
  command->add_option("--weights", settings->model.weights, "the .h5 of a Keras .json, where it is not found beside it")
      ->type_name("FILE");
  command->add_option("--config", settings->model.config, "as for strobe compile: what all points have in common")
      ->type_name("FILE");
  command
      ->add_option("--select", settings->model.formula_choice,
                   "equation of a PySR hall of fame, as for strobe compile: its widths are scanned")
      ->type_name("CHOICE");
  command
      ->add_option("--inputs", settings->model.formula_inputs,
                   "a formula's inputs where its file does not declare them (default: x[N] for events of N numbers)")
      ->type_name("NAMES");
  command
      ->add_option("--input-type", settings->input_type,
                   "as for strobe compile: of the first point, and of what --raw-in reads")
      ->type_name("TYPE");
  command->add_flag("--raw-in", settings->raw_in, "events are raw fixed-point integers");
  command->add_option("--threads", settings->threads, "points that are tried at a time")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--csv", settings->csv, "writes the table, with more columns")->type_name("FILE");
  command
      ->add_option("--plot", settings->plot,
                   "writes accuracy against bit operations, of a menu against complexity, as a picture (SVG)")
      ->type_name("FILE");
  command->add_flag("--json", settings->json, "report as JSON");
  command->callback([settings, &action] { action = [settings] { return scan_command(*settings); }; });
}

}  // namespace strobe::cli
