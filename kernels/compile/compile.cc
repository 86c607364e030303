#include "kernels/compile/compile.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kernels/compile/golden.h"
#include "kernels/compile/kernel_table.h"
#include "kernels/compile/prepare.h"
#include "kernels/hls/build.h"
#include "kernels/hls/project.h"
#include "kernels/package/package.h"
#include "platform/boards/boards.h"
#include "platform/files/file.h"
#include "platform/files/temporary_folder.h"
#include "platform/process/stopwatch.h"

namespace strobe::compile {
namespace {

constexpr char kWorkFolder[] = "strobe-compile-";

/// Of several models a message must say which; most name the file already.
absl::Status of_model(const ModelOptions& model, bool several, const absl::Status& status) {
  if (!several || absl::StrContains(status.message(), model.path)) return status;
  return absl::Status(status.code(), absl::StrCat(model.path, ": ", status.message()));
}

absl::StatusOr<std::vector<PreparedModel>> prepare_all(std::span<const ModelOptions> models) {
  std::vector<PreparedModel> prepared;
  std::map<std::string, std::string> given_as;  // by kernel
  for (const ModelOptions& options : models) {
    auto model = prepare(options);
    if (!model.ok()) return of_model(options, models.size() > 1, model.status());
    const std::string as_given = options.name.empty() ? options.path : absl::StrCat(options.name, "=", options.path);
    const auto [other, is_new] = given_as.emplace(model->kernel, as_given);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat(other->second, " and ", as_given, " both become kernel '",
                                                     model->kernel, "'; give them names of their own: NAME=FILE"));
    }
    prepared.push_back(*std::move(model));
  }
  return prepared;
}

hls::ProjectOptions project_options(const boards::Board& board, const CompileOptions& options) {
  hls::ProjectOptions result;
  result.board = board.title;
  result.part = board.part;
  result.platform = board.platform;
  result.clock_mhz = options.clock_mhz > 0 ? options.clock_mhz : board.default_clock_mhz;
  return result;
}

/// Compute units go round the memory banks, each on the die its bank is attached to. `first` counts those of the
/// kernels before.
std::vector<hls::Placement> placements(const boards::Board& board, int first, int compute_units) {
  std::vector<hls::Placement> result;
  for (int u = first; u < first + compute_units && !board.banks.empty(); ++u) {
    const boards::Bank& bank = board.banks[static_cast<size_t>(u) % board.banks.size()];
    result.push_back({bank.tag, bank.slr < static_cast<int>(board.slrs.size()) ? board.slrs[bank.slr].name : ""});
  }
  return result;
}

absl::StatusOr<hls::Project> write_project(std::span<const ModelOptions> models,
                                           const std::vector<PreparedModel>& prepared, const boards::Board& board,
                                           const CompileOptions& options) {
  std::vector<hls::KernelSpec> specs;
  int units = 0;
  for (size_t m = 0; m < prepared.size(); ++m) {
    hls::KernelSpec& spec = specs.emplace_back();
    spec.graph = &prepared[m].graph;
    spec.name = prepared[m].kernel;
    spec.compute_units = models[m].compute_units;
    spec.placement = placements(board, units, spec.compute_units);
    units += spec.compute_units;
    if (options.project_folder.empty()) continue;
    auto golden = golden_vectors(prepared[m].graph);
    if (!golden.ok()) return of_model(models[m], models.size() > 1, golden.status());
    spec.golden = *std::move(golden);
  }
  return hls::write_project(specs, project_options(board, options));
}

CompileReport report_of(const std::vector<PreparedModel>& prepared, const hls::Project& project) {
  CompileReport report;
  for (size_t m = 0; m < prepared.size(); ++m) {
    const hls::KernelDescription& kernel = project.kernels[m];
    KernelReport& entry = report.kernels.emplace_back();
    entry.kernel = kernel.name;
    entry.layers = prepared[m].graph.nodes().size();
    entry.compute_units = static_cast<int>(kernel.compute_units.size());
    entry.planned_initiation_interval = kernel.initiation_interval;
    entry.planned_depth = kernel.depth;
    entry.warnings = prepared[m].warnings;
    for (const hls::Plan& plan : kernel.plans) {
      if (!plan.warning.empty()) entry.warnings.push_back(plan.warning);
    }
    entry.without_effect = prepared[m].without_effect;
    report.import_seconds += prepared[m].import_seconds;
    report.quantise_seconds += prepared[m].quantise_seconds;
  }
  return report;
}

std::string package_of(std::vector<PreparedModel> prepared, const hls::Project& project, bool strip) {
  package::Package package{"strobe " STROBE_VERSION, {}};
  for (size_t m = 0; m < prepared.size(); ++m) {
    package.models.push_back({project.kernels[m].name, std::move(prepared[m].graph), std::nullopt});
    if (!strip) package.models.back().float_model = std::move(prepared[m].source);
  }
  return package::serialize(package);
}

/// With Vitis: v++ makes the xclbin, and the models are put into it. Written to the documentation, not yet run.
absl::StatusOr<std::string> build_hardware(const hls::Project& project, const CompileOptions& options,
                                           const std::string& package) {
  auto temporary = files::TemporaryFolder::create_in_system(kWorkFolder);
  if (!temporary.ok()) return temporary.status();
  const std::string folder = options.project_folder.empty() ? temporary->path() : options.project_folder;
  if (absl::Status s = hls::write_to_folder(project, folder); !s.ok()) return s;
  const std::string made = temporary->path() + "/kernel.xclbin";
  if (absl::Status s = hls::build_hw(project, folder, made); !s.ok()) return s;
  auto bytes = files::read_file(made);
  if (!bytes.ok()) return bytes.status();
  return xclbin::with_user_metadata(*bytes, package);
}

/// For the emulated card or the in-process emulator: strobe writes the xclbin itself.
absl::StatusOr<std::string> build_emulation(const hls::Project& project, const boards::Board& board,
                                            const CompileOptions& options, std::string package, bool& reused) {
  if (!options.project_folder.empty()) {
    if (absl::Status s = hls::write_to_folder(project, options.project_folder); !s.ok()) return s;
  }
  xclbin::Xclbin file = describe_kernels(project, board, options.target);
  file.user_metadata = std::move(package);
  if (options.target == xclbin::Target::kSwEmu) {
    auto temporary = files::TemporaryFolder::create_in_system(kWorkFolder);
    if (!temporary.ok()) return temporary.status();
    const std::string library = temporary->path() + "/kernel.so";
    auto built = hls::build_sw_emu(project, library);
    if (!built.ok()) return built.status();
    reused = built->reused;
    auto bytes = files::read_file(library);
    if (!bytes.ok()) return bytes.status();
    file.bitstream = *std::move(bytes);
  }
  return xclbin::write(file);
}

}  // namespace

absl::StatusOr<CompileReport> compile_models(std::span<const ModelOptions> models, const CompileOptions& options,
                                             const std::string& output) {
  auto board = boards::find(options.board);
  if (!board.ok()) return board.status();
  auto prepared = prepare_all(models);
  if (!prepared.ok()) return prepared.status();

  process::Stopwatch watch;
  auto project = write_project(models, *prepared, **board, options);
  if (!project.ok()) return project.status();
  CompileReport report = report_of(*prepared, *project);
  report.project_seconds = watch.lap();

  std::string package = package_of(*std::move(prepared), *project, options.strip);
  auto bytes = options.target == xclbin::Target::kHw
                   ? build_hardware(*project, options, package)
                   : build_emulation(*project, **board, options, std::move(package), report.build_reused);
  if (!bytes.ok()) return bytes.status();
  report.build_seconds = watch.lap();
  if (absl::Status s = files::write_file(output, *bytes); !s.ok()) return s;
  if (auto read_back = xclbin::read(*std::move(bytes)); read_back.ok())
    report.uuid = xclbin::uuid_text(read_back->uuid);
  return report;
}

}  // namespace strobe::compile
