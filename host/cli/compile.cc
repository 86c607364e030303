#include "kernels/compile/compile.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/cli/command.h"
#include "host/cli/model_options.h"
#include "host/cli/report_text.h"
#include "host/device/libexec.h"
#include "platform/boards/boards.h"

namespace strobe::cli {
namespace {

struct Settings {
  std::vector<std::string> models, weights, configs, input_types, weight_bits, score_types, compute_units,
      formula_choices,
      formula_inputs;  ///< each "VALUE" or "NAME=VALUE"
  std::string name, output, target, engine, engine_xclbin;
  compile::CompileOptions options;
  bool json = false;
};

ModelWords words_of(const Settings& s) {
  return {s.models,
          s.name,
          s.weights,
          s.configs,
          s.input_types,
          s.weight_bits,
          s.score_types,
          s.compute_units,
          s.formula_choices,
          s.formula_inputs,
          {}};
}

/// sw_emu where this strobe can emulate a card, else the in-process emulator.
absl::StatusOr<xclbin::Target> choose_target(const std::string& wish) {
  if (wish == "emulator") return xclbin::Target::kEmulator;
  if (wish == "sw_emu") return xclbin::Target::kSwEmu;
  if (wish == "hw") return xclbin::Target::kHw;
#ifdef STROBE_HAVE_XRT
  if (device::find_libexec("").ok()) return xclbin::Target::kSwEmu;
#endif
  std::fprintf(stderr, "strobe: XRT is missing here: compiling for the in-process emulator (--target emulator)\n");
  return xclbin::Target::kEmulator;
}

void print_json(const Settings& settings, const compile::CompileReport& report) {
  nlohmann::ordered_json json;
  json["output"] = settings.output;
  json["target"] = std::string(xclbin::target_name(settings.options.target));
  json["uuid"] = report.uuid;
  for (const compile::KernelReport& kernel : report.kernels) {
    json["kernels"].push_back(
        {{"name", kernel.kernel},
         {"layers", kernel.layers},
         {"compute_units", kernel.compute_units},
         {"planned", {{"initiation_interval", kernel.planned_initiation_interval}, {"depth", kernel.planned_depth}}},
         {"warnings", kernel.warnings},
         {"without_effect", kernel.without_effect}});
  }
  json["seconds"] = {{"import", report.import_seconds},
                     {"quantise", report.quantise_seconds},
                     {"project", report.project_seconds},
                     {"build", report.build_seconds}};
  json["build_reused"] = report.build_reused;
  print_document(json);
}

/// Warnings of a kernel; of several its name comes first.
void print_warnings(const compile::KernelReport& kernel, bool several) {
  const std::string which = several ? kernel.kernel + ": " : "";
  for (const std::string& warning : kernel.warnings)
    std::fprintf(stderr, "warning: %s%s\n", which.c_str(), warning.c_str());
  if (!kernel.without_effect.empty())
    std::fprintf(stderr, "%saccepted without effect: %s\n", which.c_str(),
                 absl::StrJoin(kernel.without_effect, ", ").c_str());
}

void print_text(const Settings& settings, const compile::CompileReport& report) {
  const bool several = report.kernels.size() > 1;
  const std::string target(xclbin::target_name(settings.options.target));
  const double seconds =
      report.import_seconds + report.quantise_seconds + report.project_seconds + report.build_seconds;
  const char* reused = report.build_reused ? " (kernel library reused)" : "";
  if (several)
    std::printf("%s: %zu kernels for %s; %.2f s%s\n", settings.output.c_str(), report.kernels.size(), target.c_str(),
                seconds, reused);
  for (const compile::KernelReport& kernel : report.kernels) {
    print_warnings(kernel, several);
    const std::string what =
        absl::StrCat(kernel.layers, kernel.layers == 1 ? " layer" : " layers", ", planned II ",
                     kernel.planned_initiation_interval, " and depth ", kernel.planned_depth, " cycles");
    if (several)
      std::printf("  kernel %s: %s, %d compute unit%s\n", kernel.kernel.c_str(), what.c_str(), kernel.compute_units,
                  kernel.compute_units == 1 ? "" : "s");
    else
      std::printf("%s: kernel %s for %s, %s; %.2f s%s\n", settings.output.c_str(), kernel.kernel.c_str(),
                  target.c_str(), what.c_str(), seconds, reused);
  }
  if (!settings.options.project_folder.empty())
    std::printf("HLS project: %s\n", settings.options.project_folder.c_str());
}

/// A forest for an engine that is there already.
absl::Status compile_forest(const Settings& settings) {
  auto models = model_options(words_of(settings));
  if (!models.ok()) return models.status();
  if (models->size() != 1 || !settings.engine.empty())
    return absl::InvalidArgumentError("--for: takes one forest; an engine is made without it");
  auto report =
      compile::compile_forest((*models)[0], settings.engine_xclbin, "", settings.options.strip, settings.output);
  if (!report.ok()) return report.status();
  const compile::KernelReport warnings{"", 1, 1, 1, 0, report->warnings, report->without_effect};
  print_warnings(warnings, false);
  if (settings.json) {
    nlohmann::ordered_json json;
    json["output"] = settings.output;
    json["engine"] = settings.engine_xclbin;
    json["used"] = report->used.to_string();
    json["image_bytes"] = report->image_bytes;
    json["planned"] = {{"initiation_interval", report->planned_initiation_interval}};
    json["seconds"] = report->seconds;
    print_document(json);
    return absl::OkStatus();
  }
  std::printf("%s: forest %s for %s, uses %s, %zu bytes, planned II %lld cycles; %.2f s\n", settings.output.c_str(),
              report->model.c_str(), settings.engine_xclbin.c_str(), report->used.to_string().c_str(),
              report->image_bytes, static_cast<long long>(report->planned_initiation_interval), report->seconds);
  return absl::OkStatus();
}

absl::Status compile_command(Settings& settings) {
  if (!settings.engine_xclbin.empty()) return compile_forest(settings);
  auto target = choose_target(settings.target);
  if (!target.ok()) return target.status();
  settings.options.target = *target;
  ModelWords words = words_of(settings);
  if (!settings.engine.empty()) {
    auto shape = layers::EngineShape::parse(settings.engine);
    if (!shape.ok()) return absl::InvalidArgumentError(absl::StrCat("--engine: ", shape.status().message()));
    words.engine = *shape;
  }
  auto models = model_options(words);
  if (!models.ok()) return models.status();
  auto report = compile::compile_models(*models, settings.options, settings.output);
  if (!report.ok()) return report.status();
  settings.json ? print_json(settings, *report) : print_text(settings, *report);
  return absl::OkStatus();
}

std::string board_names() {
  std::vector<std::string> names;
  for (const boards::Board& board : boards::all()) names.push_back(board.name);
  return absl::StrJoin(names, ", ");
}

}  // namespace

void add_compile(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("compile", "Turns trained models into an xclbin");
  command->footer(
      "Models: Keras 2 (.json with --weights, .h5), Keras 3 (.keras), with QKeras and HGQ2 layers; ONNX and QONNX "
      "(.onnx);\n"
      "decision forests (XGBoost .json and .ubj, LightGBM .txt, ONNX .onnx, conifer .json, TMVA .xml; "
      "docs/forest-files.md);\n"
      "formulas (PySR's hall_of_fame.csv, .txt; docs/formulas.md).\n"
      "Without --config the network is quantised so that nothing inside overflows: inputs "
      "ap_fixed<16,6,AP_RND,AP_SAT>,\n"
      "weights 16 bits, activations 12 fraction bits, sums exact; trained quantisers are followed.\n"
      "Several models become one xclbin, a kernel each with compute units of its own. NAME=FILE names a model's "
      "kernel;\n"
      "--weights, --config, --input-type, --weight-bits, --score-type and --compute-units then take VALUE for all "
      "models or NAME=VALUE for one, and "
      "may\n"
      "be repeated. A file whose own name holds '=' is written with its folder: ./a=b.keras.\n"
      "--engine makes an xclbin for forests that are loaded while it is on the card; with --for a forest is compiled "
      "for "
      "such an\n"
      "engine, into a file (.sfi) that run, check and serve load into it (docs/forests.md).\n"
      "Examples: strobe compile jets.keras --input-type 'ap_fixed<16,6>' -o jets.xclbin\n"
      "          strobe compile jets=jets.keras taus=taus.onnx --config taus=taus.yml --compute-units jets=2 -o "
      "trigger.xclbin\n"
      "          strobe compile --engine engines=8,nodes=4096,features=32,outputs=8 -o engine.xclbin\n"
      "          strobe compile forest.json --for engine.xclbin -o forest.sfi");
  command
      ->add_option("--engine", settings->engine,
                   "a forest engine: trees walked at a time, nodes of each one's memory, features and scores at most")
      ->type_name("engines=N,nodes=N,features=N,outputs=N");
  command
      ->add_option("--for", settings->engine_xclbin,
                   "xclbin with a forest engine: the forest MODEL is compiled for it, OUTPUT is a forest file")
      ->type_name("FILE");
  command->add_option("MODEL", settings->models, "the trained models")->type_name("[NAME=]FILE");
  const auto of_models = [command](const char* option, std::vector<std::string>& values, const char* type,
                                   const std::string& help) {
    command->add_option(option, values, help)->type_name(type)->allow_extra_args(false);
  };
  of_models("--weights", settings->weights, "[NAME=]FILE", "the .h5 of a Keras .json, where it is not found beside it");
  of_models("--config", settings->configs, "[NAME=]FILE",
            "YAML: precisions, reuse factors and strategies in hls4ml's vocabulary; of a forest, precisions in "
            "conifer's; of a formula, types of its inputs and errors of its outputs");
  of_models("--input-type", settings->input_types, "[NAME=]TYPE",
            "type of the events at the kernel's border, such as ap_fixed<16,6>");
  of_models("--weight-bits", settings->weight_bits, "[NAME=]N",
            "bits of weights without a trained quantiser, 2 to 32 (default: 16); of a forest, of its thresholds");
  of_models("--score-type", settings->score_types, "[NAME=]TYPE",
            "type of the scores, such as ap_fixed<12,4,AP_RND,AP_SAT>");
  of_models("--compute-units", settings->compute_units, "[NAME=]N",
            absl::StrCat("instances of the kernel that work side by side, 1 to ", kMostComputeUnits, " (default: 1)"));
  of_models(
      "--select", settings->formula_choices, "[NAME=]CHOICE",
      "equation of a PySR hall of fame (a folder of them: an output each): score (PySR's own choice, the default), "
      "loss, complexity=N, max-complexity=N, number=N or "
      "all");
  of_models("--inputs", settings->formula_inputs, "[NAME=]NAMES",
            "a formula's inputs where its file does not declare them, such as 'x[16]' or 'pt, eta'");
  command
      ->add_option("--target", settings->target,
                   "what the xclbin is for: this process, XRT's emulated card, or a card (default: sw_emu; emulator "
                   "where XRT is missing)")
      ->check(CLI::IsMember({"emulator", "sw_emu", "hw"}));
  command->add_option("--board", settings->options.board, "card that the kernel is for: " + board_names())
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--clock", settings->options.clock_mhz, "of the kernel (default: the board's)")
      ->type_name("MHZ")
      ->check(CLI::Range(1.0, 2000.0));
  command
      ->add_option("--name", settings->name,
                   "of the kernel of an only model, as hosts and strobe run --model call it (default: the model's)")
      ->type_name("NAME");
  command->add_option("--project", settings->options.project_folder, "folder to write the HLS project into")
      ->type_name("FOLDER");
  command->add_flag("--strip", settings->options.strip, "leave the floating-point weights out of the xclbin");
  command->add_flag("--json", settings->json, "report as JSON");
  command->add_option("-o,--output", settings->output, "xclbin to write")->type_name("FILE")->required();
  command->callback([settings, &action] { action = [settings] { return compile_command(*settings); }; });
}

}  // namespace strobe::cli
