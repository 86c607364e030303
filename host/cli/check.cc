#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/cli/check_float.h"
#include "host/cli/check_report.h"
#include "host/cli/check_ways.h"
#include "host/cli/command.h"
#include "host/cli/labels.h"
#include "host/io/files.h"
#include "host/metrics/roc_picture.h"
#include "kernels/import/float_run.h"
#include "kernels/layers/formula/program.h"
#include "platform/files/file.h"

namespace strobe::cli {
namespace {

struct Settings {
  std::string xclbin, events, model, forest, labels, expected, roc;
  std::vector<std::string> devices, class_names;
  ScoreOfLabel score_of_label;
  size_t reference_events = 4096;
  int threads = 1;
  bool raw_in = false, json = false, softmax = false;
};

/// Holds scores against a file of them, value by value.
absl::StatusOr<Way> compare_expected(const std::string& path, const model::Graph& graph, const Scores& scores) {
  auto arrays = read_arrays(path);
  if (!arrays.ok()) return arrays.status();
  Way way{"expected scores", Way::State::kEqual, path, scores.rows};
  for (size_t o = 0; o < graph.outputs().size(); ++o) {
    const model::Tensor& tensor = graph.output(o);
    const io::Array* expected = array_of(*arrays, graph, o);
    if (expected == nullptr)
      return absl::InvalidArgumentError(absl::StrCat(path, ": has no array '", tensor.name, "'"));
    const std::vector<double> wanted = expected->numbers(), found = scores_array(scores, graph, o, false).numbers();
    if (wanted.size() != found.size()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": expected scores of '", tensor.name, "' for ", scores.rows,
                                                     " events, ", found.size(), " numbers; found ",
                                                     expected->to_string()));
    }
    size_t count = 0, first = found.size();
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i] == wanted[i]) continue;
      first = std::min(first, i);
      ++count;
    }
    if (count == 0) continue;
    const auto elements = static_cast<size_t>(tensor.type.elements());
    way.state = Way::State::kDiffers;
    way.detail = absl::StrCat(path, ": ", count, " of ", found.size(), " values of '", tensor.name,
                              "' differ, the first in event ", first / elements, ", element ", first % elements, ": ",
                              found[first], ", expected ", wanted[first]);
    break;
  }
  return way;
}

/// How many names the classes of `scores` scores have: one score tells background (label 0) and signal (label 1) apart.
size_t names_wanted(size_t scores) { return scores == 1 ? 2 : scores; }

/// The curve of class `of_class`. One score has one curve, the signal's. `names` are the model's own, or none.
std::string class_name(const Settings& settings, const std::vector<std::string>& names, size_t of_class,
                       size_t scores) {
  const bool named = settings.class_names.size() == names_wanted(scores);  // else they are another output's
  const size_t label = scores == 1 ? 1 : of_class;
  if (named) return settings.class_names[label];
  return names.empty() ? absl::StrCat(label) : names[of_class];
}

/// The difference of each score that has a name: they may be of different size.
std::vector<ScoreReport> score_reports(const std::vector<std::string>& names, const std::vector<double>& fixed,
                                       const std::vector<double>& floating) {
  std::vector<ScoreReport> reports;
  for (size_t e = 0; e < names.size(); ++e) {
    std::vector<double> mine, exact;
    for (size_t i = e; i < fixed.size(); i += names.size()) {
      mine.push_back(fixed[i]);
      exact.push_back(floating[i]);
    }
    reports.push_back({names[e], metrics::difference(mine, exact)});
  }
  return reports;
}

/// Errors: InvalidArgument where --classes names the classes of none of the outputs, with the counts.
absl::Status check_class_names(const Settings& settings, const model::Graph& graph) {
  if (settings.class_names.empty()) return absl::OkStatus();
  std::string wanted;
  for (size_t o = 0; o < graph.outputs().size(); ++o) {
    const model::Tensor& tensor = graph.output(o);
    const auto scores = static_cast<size_t>(tensor.type.elements());
    if (settings.class_names.size() == names_wanted(scores)) return absl::OkStatus();
    absl::StrAppend(&wanted, wanted.empty() ? "" : "; ", names_wanted(scores), " for output '", tensor.name, "' (",
                    scores == 1 ? "one score: background, signal" : absl::StrCat(scores, " scores"), ")");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--classes: ", settings.class_names.size(), " names given, expected ", wanted));
}

/// Probabilities of the classes, for curves of a network that ends in logits: they order events by all scores together.
std::vector<double> probabilities(const std::vector<double>& logits, size_t classes) {
  std::vector<double> result(logits.size());
  for (size_t row = 0; row + classes <= logits.size(); row += classes) {
    const auto first = logits.begin() + static_cast<std::ptrdiff_t>(row);
    const double largest = *std::max_element(first, first + static_cast<std::ptrdiff_t>(classes));
    double sum = 0;
    for (size_t c = 0; c < classes; ++c) sum += result[row + c] = std::exp(logits[row + c] - largest);
    for (size_t c = 0; c < classes; ++c) result[row + c] /= sum;
  }
  return result;
}

OutputReport output_report(const Settings& settings, const model::Graph& graph, const model::Tensor& tensor,
                           const std::vector<double>& fixed, const std::vector<double>& floating,
                           const std::vector<int64_t>& labels) {
  OutputReport report;
  std::vector<std::string> names;
  if (auto texts = layers::formula::element_texts(graph, tensor)) names = std::move(texts->names);
  report.name = tensor.name;
  report.classes = static_cast<size_t>(tensor.type.elements());
  const metrics::Scores fixed_scores{fixed, report.classes}, float_scores{floating, report.classes};
  const bool has_float = !floating.empty();
  if (has_float) {
    report.difference = metrics::difference(fixed, floating);
    report.scores = score_reports(names, fixed, floating);
    if (report.classes > 1) report.same_class = metrics::same_best_class(fixed_scores, float_scores);
  }
  if (labels.empty()) return report;
  report.accuracy = metrics::accuracy(fixed_scores, labels);
  if (has_float) report.float_accuracy = metrics::accuracy(float_scores, labels);
  const auto curves = [&](const std::vector<double>& scores) {
    const bool from_logits = settings.softmax && report.classes > 1;
    const std::vector<double> ordered = from_logits ? probabilities(scores, report.classes) : scores;
    return metrics::one_against_rest({ordered, report.classes}, labels);
  };
  auto fixed_curves = curves(fixed);
  auto float_curves = has_float ? curves(floating) : std::vector<std::optional<metrics::Roc>>(report.classes);
  for (size_t c = 0; c < report.classes; ++c) {
    report.by_class.push_back(
        {class_name(settings, names, c, report.classes), std::move(fixed_curves[c]), std::move(float_curves[c])});
  }
  return report;
}

/// Runs the floating-point model where the xclbin has one; else says why there is none.
std::optional<import::FloatRun> floating_point(const Settings& settings, const CheckInput& input, CheckReport& report) {
  const auto& model = input.loaded->package.models[input.model].float_model;
  if (!model) {
    report.no_float = "the xclbin was compiled with --strip";
    return std::nullopt;
  }
  auto numbers = read_event_numbers(settings.events, input.graph(), settings.raw_in);
  auto run = numbers.ok()
                 ? import::run_float(*model, &input.graph(), *numbers, input.events->rows, input.reference_rows)
                 : absl::StatusOr<import::FloatRun>(numbers.status());
  for (size_t o = 0; run.ok() && o < input.graph().outputs().size(); ++o) {
    const auto expected = input.events->rows * static_cast<size_t>(input.graph().output(o).type.elements());
    if (o >= run->outputs.size() || run->outputs[o].size() != expected)
      run = absl::InternalError("its outputs are not those of the kernel");
  }
  if (run.ok()) return *std::move(run);
  report.no_float = std::string(run.status().message());
  return std::nullopt;
}

/// Whether no model is named where there are several. Events or labels then need not fit every model.
bool takes_all_that_fit(const Settings& settings, const session::LoadedXclbin& loaded) {
  return settings.model.empty() && loaded.package.models.size() > 1;
}

using Labels = std::vector<std::vector<int64_t>>;  // by output

absl::StatusOr<Labels> read_all_labels(const Settings& settings, const session::LoadedXclbin& loaded, size_t model,
                                       size_t rows) {
  std::vector<io::NamedArray> arrays;
  if (!settings.labels.empty()) {
    auto read = read_arrays(settings.labels);
    if (!read.ok()) return read.status();
    arrays = *std::move(read);
  }
  const model::Graph& graph = loaded.package.models[model].graph;
  Labels labels;
  for (size_t o = 0; o < graph.outputs().size(); ++o) {
    auto of_output = labels_of(settings.labels, settings.score_of_label, arrays, graph, o, rows);
    if (absl::IsInvalidArgument(of_output.status()) && takes_all_that_fit(settings, loaded)) {
      std::fprintf(stderr, "strobe: %s: without labels: %s\n", loaded.package.models[model].kernel.c_str(),
                   std::string(of_output.status().message()).c_str());
      of_output = std::vector<int64_t>();
    }
    if (!of_output.ok()) return of_output.status();
    labels.push_back(*std::move(of_output));
  }
  return labels;
}

void add_outputs(const Settings& settings, const CheckInput& input, const Scores& scores,
                 const import::FloatRun* floating, const Labels& labels, CheckReport& report) {
  for (size_t o = 0; o < input.graph().outputs().size(); ++o) {
    const std::vector<double> fixed = scores_array(scores, input.graph(), o, false).numbers();
    report.outputs.push_back(output_report(settings, input.graph(), input.graph().output(o), fixed,
                                           floating == nullptr ? std::vector<double>() : floating->outputs[o],
                                           labels[o]));
  }
}

absl::Status write_roc(const Settings& settings, const CheckReport& report) {
  if (settings.roc.empty()) return absl::OkStatus();
  std::vector<metrics::RocCurves> curves;
  for (const OutputReport& output : report.outputs) {
    for (const ClassReport& c : output.by_class) {
      if (c.fixed) curves.push_back({c.name, *c.fixed, c.floating});
    }
  }
  if (curves.empty())
    return absl::InvalidArgumentError("--roc: no labels, or no class with both signal and background");
  const std::string svg =
      metrics::roc_picture(absl::StrCat(report.model, ", ", report.events, " events: fixed point solid",
                                        report.no_float.empty() ? ", floating point dashed" : ""),
                           curves);
  return files::write_file(settings.roc, svg);
}

/// A model of the xclbin with the events, as it takes them.
struct Fitting {
  size_t model;
  Events events;
};

/// The named or only model; else every one that the events fit. Errors: why the named one does not take the events, or
/// that none does.
absl::StatusOr<std::vector<Fitting>> fitting_models(const Settings& settings, const session::LoadedXclbin& loaded) {
  std::vector<Fitting> result;
  const auto& models = loaded.package.models;
  if (!takes_all_that_fit(settings, loaded)) {
    auto model = session::find_model(loaded, settings.model);
    if (!model.ok()) return model.status();
    if (absl::Status s = session::check_runnable(loaded, *model); !s.ok()) return s;
    auto events = read_events(settings.events, models[*model].graph, settings.raw_in);
    if (!events.ok()) return events.status();
    result.push_back({*model, *std::move(events)});
    return result;
  }
  std::string reasons;
  for (size_t m = 0; m < models.size(); ++m) {
    if (!session::check_runnable(loaded, m).ok()) continue;
    auto events = read_events(settings.events, models[m].graph, settings.raw_in);
    if (events.ok()) {
      result.push_back({m, *std::move(events)});
    } else if (absl::IsInvalidArgument(events.status())) {
      absl::StrAppend(&reasons, "\n  ", models[m].kernel, ": ", events.status().message());
    } else {
      return events.status();
    }
  }
  if (result.empty())
    return absl::InvalidArgumentError(absl::StrCat(settings.events, ": fits none of the models", reasons));
  if (!reasons.empty()) std::fprintf(stderr, "strobe: not checked, for the events do not fit:%s\n", reasons.c_str());
  return result;
}

absl::StatusOr<CheckReport> check_model(const Settings& settings,
                                        const std::shared_ptr<const session::LoadedXclbin>& loaded,
                                        const Fitting& fitting) {
  const Events& events = fitting.events;
  if (events.rows == 0) return absl::InvalidArgumentError(absl::StrCat(settings.events, ": holds no events"));
  const auto labels = read_all_labels(settings, *loaded, fitting.model, events.rows);
  if (!labels.ok()) return labels.status();
  const CheckInput input{loaded,           fitting.model,   &events, std::min(events.rows, settings.reference_events),
                         settings.devices, settings.threads};
  CheckReport report;
  report.xclbin = settings.xclbin;
  report.model = loaded->package.models[fitting.model].kernel;
  report.target = std::string(xclbin::target_name(loaded->file.target));
  report.events = events.rows;
  report.reference_events = input.reference_rows;
  report.input_overflow = events.changed;
  report.input_warnings = overflow_warnings(events);
  auto reference = run_reference(input);
  if (!reference.ok()) return reference.status();
  auto ways = run_ways(input, *reference);
  if (!ways.ok()) return ways.status();
  report.ways = std::move(ways->ways);
  if (!settings.expected.empty()) {
    auto way = compare_expected(settings.expected, input.graph(), ways->scores);
    if (!way.ok()) return way.status();
    report.ways.push_back(*std::move(way));
  }
  const std::optional<import::FloatRun> floating = floating_point(settings, input, report);
  add_outputs(settings, input, ways->scores, floating ? &*floating : nullptr, *labels, report);
  report.layers =
      layer_reports(input.graph(), *reference, ways->overflow, events.rows, floating ? &floating->layers : nullptr);
  return report;
}

absl::Status check_command(const Settings& settings) {
  if (!settings.roc.empty() && settings.labels.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--roc ", settings.roc, ": curves need the class of each event; name a file of them with --labels"));
  }
  auto loaded = session::load_xclbin(settings.xclbin);
  if (!loaded.ok()) return loaded.status();
  if (!settings.forest.empty()) {
    loaded = session::with_forest_file(**loaded, settings.model, settings.forest);
    if (!loaded.ok()) return loaded.status();
  }
  auto fitting = fitting_models(settings, **loaded);
  if (!fitting.ok()) return fitting.status();
  absl::Status named = absl::OkStatus();
  for (const Fitting& model : *fitting) {
    named = check_class_names(settings, (*loaded)->package.models[model.model].graph);
    if (named.ok()) break;  // names may be of one of several models
  }
  if (!named.ok()) return named;
  const bool several = fitting->size() > 1;
  if (several && !(settings.roc.empty() && settings.expected.empty())) {
    return absl::InvalidArgumentError(
        absl::StrCat(settings.xclbin,
                     ": the events fit several models; --expected and --roc are of one, name it "
                     "with --model: ",
                     session::model_names(**loaded)));
  }
  std::vector<CheckReport> reports;
  std::string problems;
  for (const Fitting& model : *fitting) {
    auto report = check_model(settings, *loaded, model);
    if (!report.ok()) return report.status();
    if (report->has_problem())
      absl::StrAppend(&problems, problems.empty() ? "" : "; ", several ? report->model + ": " : "", report->problems());
    reports.push_back(*std::move(report));
  }
  settings.json ? print_json(reports) : print_text(reports);
  if (absl::Status s = write_roc(settings, reports[0]); !s.ok()) return s;
  return problems.empty() ? absl::OkStatus() : absl::FailedPreconditionError("the check failed: " + problems);
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand(
      "check", "Compares the fixed-point model with the floating-point one, and every way of running it");
  command->footer(
      "The reference evaluation defines the bits and is slow, so it takes the first events only (--reference-events); "
      "the\n"
      "emulator, the HLS code and the devices run all of them. Exit status 1 where any of them, or --expected, "
      "disagrees.\n"
      "Example: strobe check jets.xclbin jets.npy --labels labels.npy --classes g,q,t,w,z --roc jets.svg");
  command->add_option("XCLBIN", settings->xclbin, "xclbin made by strobe compile")->type_name("FILE")->required();
  command->add_option("EVENTS", settings->events, "event file, as for strobe run")->type_name("FILE")->required();
  command
      ->add_option("--forest", settings->forest,
                   "of an xclbin that is a forest engine: the forest to check, made by strobe compile --for")
      ->type_name("FILE");
  command
      ->add_option("--labels", settings->labels,
                   "class of each event (.npy, .csv; .npz by output name): index or one-hot row")
      ->type_name("FILE");
  command
      ->add_option("--classes", settings->class_names,
                   "names of the classes, in the order of the scores; of one score: background,signal")
      ->type_name("NAME,...")
      ->delimiter(',');
  command
      ->add_option("--score-of-label", settings->score_of_label,
                   "for each label 0, 1, ... the score that belongs to it, where the orders differ")
      ->type_name("N,...")
      ->delimiter(',');
  command->add_option("--expected", settings->expected, "scores that must come out, exactly (.npy, .npz, .csv)")
      ->type_name("FILE");
  command->add_option("--roc", settings->roc, "writes the ROC curves of all classes as a picture (SVG)")
      ->type_name("FILE");
  command
      ->add_option("--model", settings->model,
                   "of an xclbin that holds several models: which one (default: all that the events fit)")
      ->type_name("NAME");
  command
      ->add_option("--device", settings->devices,
                   "xrt:N, opencl:N or emulator, instead of xrt:0 and opencl:0; may be repeated")
      ->type_name("DEVICE");
  command->add_option("--reference-events", settings->reference_events, "events that the reference evaluates")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--threads", settings->threads, "threads of the in-process emulator")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_flag("--raw-in", settings->raw_in, "events are raw fixed-point integers");
  command->add_flag("--softmax", settings->softmax, "the scores are logits: AUC and working points by their softmax");
  command->add_flag("--json", settings->json, "report as JSON");
  command->callback([settings, &action] { action = [settings] { return check_command(*settings); }; });
}

}  // namespace strobe::cli
