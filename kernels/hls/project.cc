#include "kernels/hls/project.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/hls/embedded.h"
#include "kernels/hls/kernel_code.h"
#include "kernels/hls/project_files.h"
#include "platform/files/file.h"
#include "platform/files/temporary_folder.h"

namespace strobe::hls {
namespace {

/// Control registers as Vitis HLS lays them out: from 0x10 on, a gap word after each argument.
std::vector<KernelArgument> arguments_of(const KernelCode& kernel) {
  std::vector<KernelArgument> arguments;
  uint32_t offset = 0x10;
  for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
    for (const Port& port : *ports) {
      arguments.push_back({port.argument, kernel.graph->tensor(port.tensor).name, true, ports == &kernel.outputs,
                           offset, 8, "m_axi_" + port.argument, "ap_uint<512>*"});
      offset += 12;
    }
  }
  arguments.push_back({"rows", "", false, false, offset, 4, "s_axi_control", "uint"});
  if (const std::string& name = kernel.parameters_argument; !name.empty())
    arguments.push_back({name, "", true, false, offset + 8, 8, "m_axi_" + name, "ap_uint<512>*"});
  return arguments;
}

KernelDescription describe(const KernelSpec& spec, const KernelCode& kernel) {
  KernelDescription description;
  description.name = kernel.name;
  description.arguments = arguments_of(kernel);
  for (int unit = 1; unit <= spec.compute_units; ++unit) {
    description.compute_units.push_back(absl::StrCat(kernel.name, "_", unit));
  }
  description.placement = spec.placement;
  description.placement.resize(description.compute_units.size());
  description.sources = {absl::StrCat("src/", kernel.name, "/", kernel.name, ".cpp")};
  description.configuration = kernel.name + ".cfg";
  description.initiation_interval = std::max(kernel.initiation_interval, kernel.row_interval);
  description.depth = kernel.depth;
  for (const LayerCode& layer : kernel.layers) description.plans.push_back(layer.plan);
  return description;
}

absl::Status check_golden(const KernelSpec& spec) {
  const GoldenVectors& golden = spec.golden;
  const auto check = [&](const model::Tensor& tensor, const std::vector<std::vector<int64_t>>& values, size_t i) {
    const int64_t found = i < values.size() ? static_cast<int64_t>(values[i].size()) : 0;
    if (found == golden.rows * tensor.type.elements()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("golden vectors of tensor '", tensor.name, "': expected ",
                                                   golden.rows, " rows of ", tensor.type.elements(), " values, found ",
                                                   found, " values"));
  };
  for (size_t i = 0; i < spec.graph->inputs().size(); ++i) {
    if (absl::Status s = check(spec.graph->input(i), golden.inputs, i); !s.ok()) return s;
  }
  for (size_t i = 0; i < spec.graph->outputs().size(); ++i) {
    if (absl::Status s = check(spec.graph->output(i), golden.outputs, i); !s.ok()) return s;
  }
  return absl::OkStatus();
}

void add_kernel_files(const KernelSpec& spec, const KernelCode& kernel, std::map<std::string, std::string>& files) {
  const std::string folder = absl::StrCat("src/", kernel.name, "/");
  files[folder + kernel.name + ".cpp"] = kernel_source(kernel);
  files[folder + kernel.name + ".h"] =
      absl::StrCat(kernel.banner, "#pragma once\n\n#include \"ap_int.h\"\n\n/// The kernel: ",
                   "reads `rows` events, writes as many rows of scores.\nextern \"C\" void ", kernel.name,
                   top_signature(kernel), ";\n");
  files[folder + "parameters.h"] = parameters_header(kernel);
  for (const auto& [name, body] : kernel.weight_files) {
    files[folder + "weights/" + name] =
        absl::StrCat(kernel.banner, "#pragma once\n\n#include \"strobe/tensor.h\"\n\nnamespace ", kernel.name_space,
                     " {\n\n", body, "\n}  // namespace ", kernel.name_space, "\n");
  }
  files[absl::StrCat("testbench/", kernel.name, "_test.cpp")] = testbench(kernel);
  const auto vectors = [&](const Port& port, const char* kind, const std::vector<std::vector<int64_t>>& values,
                           size_t i) {
    files[absl::StrCat("testbench/", kernel.name, "_", kind, "_", port.argument, ".txt")] =
        i < values.size() ? vector_text(values[i], kernel.graph->tensor(port.tensor).type.elements()) : "";
  };
  if (!kernel.parameters_argument.empty()) {
    files[absl::StrCat("testbench/", kernel.name, "_parameters_", kernel.parameters_argument, ".txt")] =
        vector_text(spec.golden.parameters, 16);
  }
  for (size_t i = 0; i < kernel.inputs.size(); ++i) vectors(kernel.inputs[i], "events", spec.golden.inputs, i);
  for (size_t i = 0; i < kernel.outputs.size(); ++i) vectors(kernel.outputs[i], "expected", spec.golden.outputs, i);
}

absl::Status check_spec(const KernelSpec& spec) {
  if (spec.graph == nullptr) return absl::InvalidArgumentError("an HLS project needs a graph for each kernel");
  if (spec.compute_units < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("model '", spec.graph->name(), "': ", spec.compute_units, " compute units; at least 1 is needed"));
  }
  return check_golden(spec);
}

}  // namespace

absl::StatusOr<Project> write_project(std::span<const KernelSpec> specs, const ProjectOptions& options) {
  if (specs.empty()) return absl::InvalidArgumentError("an HLS project needs at least one model");
  Project project;
  project.options = options;
  std::vector<KernelCode> kernels;
  std::set<std::string> names;
  for (const KernelSpec& spec : specs) {
    if (absl::Status s = check_spec(spec); !s.ok()) return s;
    absl::StatusOr<KernelCode> kernel = make_kernel_code(spec);
    if (!kernel.ok()) return kernel.status();
    if (!names.insert(kernel->name).second) {
      return absl::InvalidArgumentError(absl::StrCat("two kernels of one project are named '", kernel->name, "'"));
    }
    project.kernels.push_back(describe(spec, *kernel));
    add_kernel_files(spec, *kernel, project.files);
    project.files[project.kernels.back().configuration] = vpp_configuration(project.kernels.back(), options);
    for (const LayerCode& layer : kernel->layers) {
      if (!layer.plan.warning.empty()) project.warnings.push_back(layer.plan.warning);
    }
    kernels.push_back(*std::move(kernel));
  }
  for (const auto& [path, text] : kernel_headers()) project.files["include/" + path] = std::string(text);
  for (const auto& [path, text] : emulation_headers()) project.files["emulation/include/" + path] = std::string(text);
  project.files["emulation/library.cpp"] = emulation_library(kernels, project.kernels);
  project.files["Makefile"] = makefile(project.kernels, options);
  project.files["README.md"] = readme(kernels, options);
  return project;
}

absl::StatusOr<Project> write_project(const model::Graph& graph, const ProjectOptions& options) {
  KernelSpec spec;
  spec.graph = &graph;
  return write_project(std::span<const KernelSpec>(&spec, 1), options);
}

absl::Status write_to_folder(const Project& project, const std::string& folder) {
  for (const auto& [path, text] : project.files) {
    const std::string file = absl::StrCat(folder, "/", path);
    if (absl::Status s = files::make_folder(std::filesystem::path(file).parent_path().string()); !s.ok()) return s;
    if (absl::Status s = files::write_file(file, text); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace strobe::hls
