#include "kernels/compile/compile.h"

#include <openssl/evp.h>

#include <array>
#include <chrono>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kernels/compile/golden.h"
#include "kernels/compile/kernel_table.h"
#include "kernels/hls/build.h"
#include "kernels/hls/project.h"
#include "kernels/import/float_model.h"
#include "kernels/package/package.h"
#include "kernels/quantise/quantise.h"
#include "platform/boards/boards.h"
#include "platform/files/file.h"
#include "platform/files/temporary_folder.h"

namespace strobe::compile {
namespace {

constexpr char kWorkFolder[] = "strobe-compile-";

class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::string sha256_text(const std::string& bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

/// Says in the graph what it was made of.
absl::StatusOr<model::Graph> with_provenance(const model::Graph& graph, const std::string& model,
                                             const CompileOptions& options) {
  model::GraphBuilder builder(graph);
  for (const auto& [key, path] : {std::pair("sha256", model), std::pair("weights_sha256", options.weights),
                                  std::pair("config_sha256", options.config)}) {
    if (path.empty()) continue;
    auto bytes = files::read_file(path);
    if (!bytes.ok()) return bytes.status();
    builder.set_provenance(key, sha256_text(*bytes));
  }
  if (options.input_type) builder.set_provenance("input_type", options.input_type->to_string());
  return std::move(builder).build();
}

/// A C identifier: what v++ takes for a kernel's name.
std::string kernel_name(const std::string& wish, const std::string& fallback) {
  std::string name;
  for (const char c : wish.empty() ? fallback : wish) name += absl::ascii_isalnum(c) ? c : '_';
  if (name.empty() || absl::ascii_isdigit(name[0])) name = "model_" + name;
  return name.substr(0, 48);
}

absl::StatusOr<quantise::Quantised> quantised(const import::FloatModel& model, const CompileOptions& options) {
  quantise::QuantiseOptions settings;
  settings.input_type = options.input_type;
  settings.config_origin = options.config;
  if (!options.config.empty()) {
    auto text = files::read_file(options.config);
    if (!text.ok()) return text.status();
    settings.config = *std::move(text);
    if (settings.config.find_first_not_of(" \t\r\n") == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.config, ": is empty; expected a configuration with Model, LayerType or LayerName"));
    }
  }
  return quantise::quantise(model, settings);
}

hls::ProjectOptions project_options(const boards::Board& board, const CompileOptions& options,
                                    const model::Graph& graph) {
  hls::ProjectOptions result;
  result.board = board.title;
  result.part = board.part;
  result.platform = board.platform;
  result.clock_mhz = options.clock_mhz > 0 ? options.clock_mhz : board.default_clock_mhz;
  auto hash = graph.provenance().find("sha256");
  if (hash != graph.provenance().end()) result.model_hash = hash->second;
  return result;
}

/// Compute units go round the memory banks, each on the die its bank is attached to.
std::vector<hls::Placement> placements(const boards::Board& board, int compute_units) {
  std::vector<hls::Placement> result;
  for (int u = 0; u < compute_units && !board.banks.empty(); ++u) {
    const boards::Bank& bank = board.banks[static_cast<size_t>(u) % board.banks.size()];
    result.push_back({bank.tag, bank.slr < static_cast<int>(board.slrs.size()) ? board.slrs[bank.slr].name : ""});
  }
  return result;
}

absl::Status write_project_folder(const hls::Project& project, const std::string& folder) {
  return folder.empty() ? absl::OkStatus() : hls::write_to_folder(project, folder);
}

/// With Vitis: v++ makes the xclbin, and the model is put into it. Written to the documentation, not yet run.
absl::Status build_hardware(const hls::Project& project, const CompileOptions& options, const std::string& package,
                            const std::string& output) {
  auto temporary = files::TemporaryFolder::create_in_system(kWorkFolder);
  if (!temporary.ok()) return temporary.status();
  const std::string folder = options.project_folder.empty() ? temporary->path() : options.project_folder;
  if (absl::Status s = hls::write_to_folder(project, folder); !s.ok()) return s;
  const std::string made = temporary->path() + "/kernel.xclbin";
  if (absl::Status s = hls::build_hw(project, folder, made); !s.ok()) return s;
  auto bytes = files::read_file(made);
  if (!bytes.ok()) return bytes.status();
  auto with_model = xclbin::with_user_metadata(*bytes, package);
  if (!with_model.ok()) return with_model.status();
  return files::write_file(output, *with_model);
}

}  // namespace

absl::StatusOr<CompileReport> compile_model(const std::string& model, const CompileOptions& options,
                                            const std::string& output) {
  CompileReport report;
  Stopwatch watch;
  auto board = boards::find(options.board);
  if (!board.ok()) return board.status();
  auto source = import::import_model(model, {options.weights});
  if (!source.ok()) return source.status();
  report.import_seconds = watch.lap();

  auto result = quantised(*source, options);
  if (!result.ok()) return result.status();
  report.warnings = result->warnings;
  report.without_effect = result->without_effect;
  auto traced = with_provenance(result->graph, model, options);
  if (!traced.ok()) return traced.status();
  const model::Graph& graph = *traced;
  report.layers = graph.nodes().size();
  report.quantise_seconds = watch.lap();

  hls::KernelSpec spec;
  spec.graph = &graph;
  spec.name = kernel_name(options.name, graph.name());
  spec.compute_units = options.compute_units;
  spec.placement = placements(**board, options.compute_units);
  if (!options.project_folder.empty()) {
    auto golden = golden_vectors(graph);
    if (!golden.ok()) return golden.status();
    spec.golden = *std::move(golden);
  }
  auto project = hls::write_project(std::span(&spec, 1), project_options(**board, options, graph));
  if (!project.ok()) return project.status();
  report.warnings.insert(report.warnings.end(), project->warnings.begin(), project->warnings.end());
  report.kernel = project->kernels[0].name;
  report.planned_initiation_interval = project->kernels[0].initiation_interval;
  report.planned_depth = project->kernels[0].depth;
  report.project_seconds = watch.lap();

  package::Package package{"strobe " STROBE_VERSION, {}};
  package.models.push_back({report.kernel, graph, std::nullopt});
  if (!options.strip) package.models[0].float_model = *std::move(source);
  const std::string metadata = package::serialize(package);
  if (options.target == xclbin::Target::kHw) {
    if (absl::Status s = build_hardware(*project, options, metadata, output); !s.ok()) return s;
    return report;
  }

  if (absl::Status s = write_project_folder(*project, options.project_folder); !s.ok()) return s;
  xclbin::Xclbin file = describe_kernels(*project, **board, options.target);
  file.user_metadata = metadata;
  if (options.target == xclbin::Target::kSwEmu) {
    auto temporary = files::TemporaryFolder::create_in_system(kWorkFolder);
    if (!temporary.ok()) return temporary.status();
    const std::string library = temporary->path() + "/kernel.so";
    auto built = hls::build_sw_emu(*project, library);
    if (!built.ok()) return built.status();
    report.build_reused = built->reused;
    auto bytes = files::read_file(library);
    if (!bytes.ok()) return bytes.status();
    file.bitstream = *std::move(bytes);
  }
  report.build_seconds = watch.lap();
  auto bytes = xclbin::write(file);
  if (!bytes.ok()) return bytes.status();
  if (absl::Status s = files::write_file(output, *bytes); !s.ok()) return s;
  if (auto read_back = xclbin::read(*bytes); read_back.ok()) report.uuid = xclbin::uuid_text(read_back->uuid);
  return report;
}

}  // namespace strobe::compile
