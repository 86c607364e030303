#include "kernels/compile/compile.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_join.h"
#include "host/cli/command.h"
#include "host/device/libexec.h"
#include "platform/boards/boards.h"

namespace strobe::cli {
namespace {

struct Settings {
  std::string model, output, input_type, target;
  compile::CompileOptions options;
  bool json = false;
};

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
  json["kernel"] = report.kernel;
  json["target"] = std::string(xclbin::target_name(settings.options.target));
  json["uuid"] = report.uuid;
  json["layers"] = report.layers;
  json["planned"] = {{"initiation_interval", report.planned_initiation_interval}, {"depth", report.planned_depth}};
  json["seconds"] = {{"import", report.import_seconds},
                     {"quantise", report.quantise_seconds},
                     {"project", report.project_seconds},
                     {"build", report.build_seconds}};
  json["build_reused"] = report.build_reused;
  json["warnings"] = report.warnings;
  json["without_effect"] = report.without_effect;
  std::printf("%s\n", json.dump(2).c_str());
}

void print_text(const Settings& settings, const compile::CompileReport& report) {
  for (const std::string& warning : report.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  if (!report.without_effect.empty()) {
    std::string list;
    for (const std::string& key : report.without_effect) list += (list.empty() ? "" : ", ") + key;
    std::fprintf(stderr, "accepted without effect: %s\n", list.c_str());
  }
  const double seconds =
      report.import_seconds + report.quantise_seconds + report.project_seconds + report.build_seconds;
  std::printf("%s: kernel %s for %s, %zu layers, planned II %d and depth %d cycles; %.2f s%s\n",
              settings.output.c_str(), report.kernel.c_str(),
              std::string(xclbin::target_name(settings.options.target)).c_str(), report.layers,
              report.planned_initiation_interval, report.planned_depth, seconds,
              report.build_reused ? " (kernel library reused)" : "");
  if (!settings.options.project_folder.empty())
    std::printf("HLS project: %s\n", settings.options.project_folder.c_str());
}

absl::Status compile_command(Settings& settings) {
  auto target = choose_target(settings.target);
  if (!target.ok()) return target.status();
  settings.options.target = *target;
  if (!settings.input_type.empty()) {
    auto type = model::FixedType::parse(settings.input_type);
    if (!type.ok()) return absl::InvalidArgumentError("--input-type: " + std::string(type.status().message()));
    settings.options.input_type = *type;
  }
  auto report = compile::compile_model(settings.model, settings.options, settings.output);
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
  CLI::App* command = app.add_subcommand("compile", "Turns a trained model into an xclbin");
  command->footer(
      "Models: Keras 2 (.json with --weights, .h5), Keras 3 (.keras), with QKeras and HGQ2 layers; ONNX and QONNX "
      "(.onnx).\n"
      "Without --config the network is quantised so that nothing overflows: inputs ap_fixed<16,6>, weights 16 bits,\n"
      "activations 12 fraction bits, sums exact; trained quantisers are followed.\n"
      "Example: strobe compile jets.keras --input-type 'ap_fixed<16,6>' -o jets.xclbin");
  command->add_option("MODEL", settings->model, "the trained model")->type_name("FILE")->required();
  command
      ->add_option("--weights", settings->options.weights, "the .h5 of a Keras .json, where it is not found beside it")
      ->type_name("FILE");
  command
      ->add_option("--config", settings->options.config,
                   "YAML: precisions, reuse factors and strategies in hls4ml's vocabulary; of a forest, precisions in "
                   "conifer's")
      ->type_name("FILE");
  command
      ->add_option("--input-type", settings->input_type,
                   "type of the events at the kernel's border, such as ap_fixed<16,6>")
      ->type_name("TYPE");
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
      ->add_option("--compute-units", settings->options.compute_units, "instances of the kernel that work side by side")
      ->type_name("N")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command
      ->add_option("--name", settings->options.name,
                   "of the kernel, as hosts and strobe run --model call it (default: the model's)")
      ->type_name("NAME");
  command->add_option("--project", settings->options.project_folder, "folder to write the HLS project into")
      ->type_name("FOLDER");
  command->add_flag("--strip", settings->options.strip, "leave the floating-point weights out of the xclbin");
  command->add_flag("--json", settings->json, "report as JSON");
  command->add_option("-o,--output", settings->output, "xclbin to write")->type_name("FILE")->required();
  command->callback([settings, &action] { action = [settings] { return compile_command(*settings); }; });
}

}  // namespace strobe::cli
