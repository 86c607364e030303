#include "kernels/hls/project_files.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::hls {
namespace {

/// The plan of one kernel as a table for people.
std::string plan_table(const KernelCode& kernel) {
  std::string text =
      absl::StrCat("## ", kernel.name, "\nPlanned from the pragmas, not synthesised: an event every ",
                   std::max(kernel.initiation_interval, kernel.row_interval), " cycles, ", kernel.depth,
                   " cycles through the layers.\n\n",
                   "| layer | op | interval | depth | multipliers | reuse factor |\n|---|---|---|---|---|---|\n");
  for (size_t n = 0; n < kernel.layers.size(); ++n) {
    const Plan& plan = kernel.layers[n].plan;
    absl::StrAppend(&text, "| ", kernel.layers[n].name, " | ", kernel.graph->nodes()[n].op, " | ",
                    plan.initiation_interval, " | ", plan.depth, " | ", plan.multipliers, " | ", plan.reuse_factor,
                    " |\n");
  }
  absl::StrAppend(&text, "\n| argument | tensor | bytes a row |\n|---|---|---|\n");
  for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
    for (const Port& port : *ports) {
      const model::Tensor& tensor = kernel.graph->tensor(port.tensor);
      absl::StrAppend(&text, "| ", port.argument, " | ", tensor.type.to_string(), " | ", tensor.type.row_bytes(),
                      " |\n");
    }
  }
  return text + "\n";
}

std::string clock_hz(const ProjectOptions& options) { return absl::StrCat(std::llround(options.clock_mhz * 1e6)); }

}  // namespace

std::string vpp_configuration(const KernelDescription& kernel, const ProjectOptions& options) {
  std::string text;
  if (!options.platform.empty()) absl::StrAppend(&text, "platform=", options.platform, "\n");
  absl::StrAppend(&text, "\n[hls]\nclock=", clock_hz(options), ":", kernel.name, "\n\n[clock]\n");
  for (const std::string& unit : kernel.compute_units)
    absl::StrAppend(&text, "freqHz=", clock_hz(options), ":", unit, "\n");
  absl::StrAppend(&text, "\n[connectivity]\nnk=", kernel.name, ":", kernel.compute_units.size(), ":",
                  absl::StrJoin(kernel.compute_units, "."), "\n");
  for (size_t u = 0; u < kernel.compute_units.size(); ++u) {
    const Placement& placement = kernel.placement[u];
    for (const KernelArgument& argument : kernel.arguments) {
      if (!argument.is_memory || placement.memory_bank.empty()) continue;
      absl::StrAppend(&text, "sp=", kernel.compute_units[u], ".", argument.name, ":", placement.memory_bank, "\n");
    }
    if (!placement.slr.empty()) absl::StrAppend(&text, "slr=", kernel.compute_units[u], ":", placement.slr, "\n");
  }
  return text;
}

std::string makefile(const std::vector<KernelDescription>& kernels, const ProjectOptions& options) {
  std::vector<std::string> objects, tests;
  std::string rules, configurations;
  for (const KernelDescription& kernel : kernels) {
    const std::string& name = kernel.name;
    const std::string source = absl::StrCat("src/", name, "/", name, ".cpp");
    objects.push_back(absl::StrCat("build/$(TARGET)/", name, ".xo"));
    tests.push_back("csim-" + name);
    absl::StrAppend(&configurations, " --config ", kernel.configuration);
    absl::StrAppend(
        &rules, "\nbuild/$(TARGET)/", name, ".xo: ", source, "\n\tmkdir -p build/$(TARGET)\n",
        "\t$(VPP) -c -t $(TARGET) --platform $(PLATFORM) --config ", kernel.configuration, " -k ", name,
        " -Iinclude -Isrc/", name, " -o $@ $<\n\nbuild/csim/", name, ": ", source, " testbench/", name,
        "_test.cpp\n\tmkdir -p build/csim\n\t$(CXX) -std=c++14 -O1 -Wall -Wextra -Iinclude -Iemulation/include -Isrc/",
        name, " -o $@ $^\n\n.PHONY: csim-", name, "\ncsim-", name, ": build/csim/", name, "\n\t$< testbench\n");
  }
  return absl::StrCat("# make csim: C simulation with g++ over the golden vectors (needs no Vitis).\n",
                      "# make: the hardware xclbin with Vitis, as its documentation (UG1393) has it. Not yet run with "
                      "Vitis.\nVPP ?= v++\n",
                      "PLATFORM ?= ", options.platform,
                      "\nTARGET ?= hw\n\nbuild/$(TARGET)/model.xclbin: ", absl::StrJoin(objects, " "),
                      "\n\t$(VPP) -l -t $(TARGET) --platform $(PLATFORM)", configurations, " -o $@ $^\n", rules,
                      "\n.PHONY: csim clean\ncsim: ", absl::StrJoin(tests, " "), "\nclean:\n\trm -rf build\n");
}

std::string readme(const std::vector<KernelCode>& kernels, const ProjectOptions& options) {
  std::string text = "# HLS project\nWritten by strobe. C++14 for Vitis HLS.\n\n";
  if (!options.board.empty())
    absl::StrAppend(&text, "Card: ", options.board, options.part.empty() ? "" : ", part " + options.part, ".\n");
  absl::StrAppend(
      &text, "Clock: ", options.clock_mhz,
      " MHz.\n\n"
      "- `make csim` compiles the kernels with g++ and compares every bit with the golden vectors in `testbench/`.\n"
      "- `make` builds a hardware xclbin with `v++`. Written to Vitis' documentation, not yet run with Vitis.\n\n"
      "`src/<kernel>/` holds the kernel, its types and configurations (`parameters.h`) and its constants (`weights/`); "
      "`include/` the layers' templates; `emulation/` what stands in for the vendor's headers under g++. "
      "Rows are little-endian containers, back to back.\n\n");
  for (const KernelCode& kernel : kernels) absl::StrAppend(&text, plan_table(kernel));
  return text;
}

std::string testbench(const KernelCode& kernel) {
  std::string reads, calls, compares;
  std::vector<std::string> arguments;
  const auto vectors = [&](const Port& port, const char* kind) {
    absl::StrAppend(&reads, "  std::vector<long long> ", port.argument,
                    "_values;\n  if (!test_vectors::read(folder + \"/", kernel.name, "_", kind, "_", port.argument,
                    ".txt\", ", port.argument, "_values)) return 1;\n");
    arguments.push_back(port.argument + ".data()");
  };
  for (const Port& port : kernel.inputs) {
    const model::TensorType& type = kernel.graph->tensor(port.tensor).type;
    vectors(port, "events");
    absl::StrAppend(&calls, "  std::vector<ap_uint<512> > ", port.argument, " = test_vectors::pack(", port.argument,
                    "_values, ", type.container(), ");\n");
  }
  for (const Port& port : kernel.outputs) {
    const model::TensorType& type = kernel.graph->tensor(port.tensor).type;
    vectors(port, "expected");
    absl::StrAppend(&calls, "  std::vector<ap_uint<512> > ", port.argument, "((rows * ", type.row_bytes(),
                    " + 63) / 64);\n");
    absl::StrAppend(&compares, "  differ += test_vectors::compare(\"", port.argument, "\", ", port.argument, ", ",
                    port.argument, "_values, ", type.container(), ", ", type.elements(), ");\n");
  }
  arguments.push_back("static_cast<unsigned int>(rows)");
  if (const std::string& name = kernel.parameters_argument; !name.empty()) {
    absl::StrAppend(&reads, "  std::vector<long long> ", name, "_values;\n  if (!test_vectors::read(folder + \"/",
                    kernel.name, "_parameters_", name, ".txt\", ", name, "_values)) return 1;\n");
    absl::StrAppend(&calls, "  std::vector<ap_uint<512> > ", name, " = test_vectors::pack(", name, "_values, 32);\n");
    arguments.push_back(name + ".data()");
  }
  const Port& first = kernel.inputs[0];
  return absl::StrCat(
      kernel.banner, "#include \"", kernel.name, ".h\"\n#include \"test_vectors.h\"\n\n",
      "/// Runs the kernel over its golden vectors. Argument: their folder.\n",
      "int main(int argc, char** argv) {\n  const std::string folder = argc > 1 ? argv[1] : \"testbench\";\n", reads,
      "  const size_t rows = ", first.argument, "_values.size() / ", kernel.graph->tensor(first.tensor).type.elements(),
      ";\n", calls, "  ", kernel.name, "(", absl::StrJoin(arguments, ", "), ");\n  size_t differ = 0;\n", compares,
      "  return differ == 0 ? 0 : 1;\n}\n");
}

std::string vector_text(const std::vector<int64_t>& values, int64_t row_size) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) {
    absl::StrAppend(&text, values[i], (i + 1) % row_size == 0 ? "\n" : " ");
  }
  return text;
}

namespace {

std::string emulation_run(const KernelCode& kernel) {
  std::string loads, sizes, stores, names;
  size_t index = 0;
  std::vector<std::string> buffers, arguments;
  for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
    for (const Port& port : *ports) {
      const int64_t row = kernel.graph->tensor(port.tensor).type.row_bytes();
      const std::string place = absl::StrCat("values[", index, "] + first * ", row, "ull, count * ", row, "ull");
      buffers.push_back(absl::StrCat("memory_", index));
      arguments.push_back(absl::StrCat("memory_", index, ".data()"));
      if (ports == &kernel.inputs) absl::StrAppend(&loads, "    memory_", index, ".load(", place, ");\n");
      if (ports == &kernel.outputs) absl::StrAppend(&loads, "    memory_", index, ".resize(count * ", row, "ull);\n");
      if (ports == &kernel.outputs) absl::StrAppend(&stores, "    memory_", index, ".store(", place, ");\n");
      ++index;
    }
  }
  return absl::StrCat(
      "void run_", kernel.name, "(const uint64_t* values) {\n  strobe_emulation::Words ", absl::StrJoin(buffers, ", "),
      ";\n  const uint64_t rows = static_cast<uint32_t>(values[", index,
      "]);\n  for (uint64_t first = 0; first < rows; first += strobe_emulation::kRowsACall) {\n",
      "    const uint64_t left = rows - first;\n    const uint64_t count = left < strobe_emulation::kRowsACall ? left "
      ": strobe_emulation::kRowsACall;\n",
      loads, "    ::", kernel.name, "(", absl::StrJoin(arguments, ", "), ", static_cast<unsigned int>(count));\n",
      stores, "  }\n}\n\n");
}

/// Of a kernel that reads a forest: rows are as long as that forest says.
std::string emulation_engine_run(const KernelCode& kernel) {
  return absl::StrCat(
      "void run_", kernel.name, "(const uint64_t* values) {\n",
      "  static thread_local strobe_emulation::ForestWords held;\n  strobe_emulation::Words events, scores;\n",
      "  const ap_uint<512>* forest = held.at(values[3]);\n",
      "  const strobe::forest_header header = strobe::read_forest_header(forest[0]);\n",
      "  const uint64_t event_bytes = header.features.to_uint64() * header.input_container.to_uint64() / 8;\n",
      "  const uint64_t score_bytes = header.outputs.to_uint64() * header.score_container.to_uint64() / 8;\n",
      "  const uint64_t rows = static_cast<uint32_t>(values[2]);\n",
      "  for (uint64_t first = 0; first < rows; first += strobe_emulation::kRowsACall) {\n",
      "    const uint64_t left = rows - first;\n    const uint64_t count = left < strobe_emulation::kRowsACall ? left "
      ": strobe_emulation::kRowsACall;\n",
      "    events.load(values[0] + first * event_bytes, count * event_bytes);\n    scores.resize(count * "
      "score_bytes);\n    ",
      kernel.name, "(events.data(), scores.data(), static_cast<unsigned int>(count), forest);\n",
      "    scores.store(values[1] + first * score_bytes, count * score_bytes);\n  }\n}\n\n");
}

std::string emulation_arguments(const KernelDescription& kernel) {
  std::string text = absl::StrCat("const strobe_emulated_argument ", kernel.name, "_arguments[] = {\n");
  for (const KernelArgument& argument : kernel.arguments) {
    absl::StrAppend(&text, "    {\"", argument.name, "\", ", argument.offset, ", ", argument.size, ", ",
                    argument.is_memory ? 1 : 0, "},\n");
  }
  return text + "};\n\n";
}

}  // namespace

std::string emulation_library(const std::vector<KernelCode>& kernels,
                              const std::vector<KernelDescription>& descriptions) {
  std::string declarations, functions, table, includes;
  for (size_t k = 0; k < kernels.size(); ++k) {
    const std::string& name = kernels[k].name;
    absl::StrAppend(&declarations, "extern \"C\" void ", name, top_signature(kernels[k]), ";\n");
    const bool engine = !kernels[k].parameters_argument.empty();
    if (engine) includes = "#include \"layers/forest_engine/forest_engine_hls.h\"\n";
    absl::StrAppend(&functions, engine ? emulation_engine_run(kernels[k]) : emulation_run(kernels[k]),
                    emulation_arguments(descriptions[k]));
    absl::StrAppend(&table, "    {\"", name, "\", ", descriptions[k].arguments.size(), ", ", name, "_arguments, run_",
                    name, "},\n");
  }
  return absl::StrCat(kernels[0].banner, "#include \"kernel_abi.h\"\n#include \"kernel_memory.h\"\n", includes, "\n",
                      declarations, "\nnamespace {\n\n", functions, "const strobe_emulated_kernel kernels[] = {\n",
                      table, "};\nconst struct strobe_emulated_library library = {STROBE_KERNEL_ABI, ", kernels.size(),
                      ", kernels};\n\n}  // namespace\n\n",
                      "extern \"C\" __attribute__((visibility(\"default\"))) const struct strobe_emulated_library* "
                      "strobe_emulated_library() "
                      "{\n  return &library;\n}\n");
}

}  // namespace strobe::hls
