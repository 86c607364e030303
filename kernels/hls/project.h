#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/hls/plan.h"
#include "kernels/model/graph.h"

namespace strobe::hls {

/// Events and the scores that they must give, for the testbench of a project. Raw values, rows x elements, row-major.
struct GoldenVectors {
  int64_t rows = 0;
  std::vector<std::vector<int64_t>> inputs;   ///< one per graph input
  std::vector<std::vector<int64_t>> outputs;  ///< one per graph output
  std::vector<int64_t> parameters;            ///< 32-bit words of the parameters, of a kernel that has such
};

/// Where one compute unit of a kernel sits on the card.
struct Placement {
  std::string memory_bank;  ///< v++'s word, "DDR[0]" or "HBM[0:3]"; empty: v++ chooses
  std::string slr;          ///< "SLR0"; empty: v++ chooses
};

/// One model of a project, which becomes one kernel. The graph must outlive the call it is given to.
struct KernelSpec {
  const model::Graph* graph = nullptr;
  std::string name;  ///< of the kernel; empty: the graph's name as a C identifier
  int compute_units = 1;
  std::vector<Placement> placement;  ///< per compute unit; fewer: v++ chooses for the rest
  GoldenVectors golden;              ///< none: the testbench is written, without vectors
};

struct ProjectOptions {
  std::string board;     ///< for people, "Alveo U250"
  std::string part;      ///< "xcu250-figd2104-2L-e"
  std::string platform;  ///< v++'s --platform, "xilinx_u250_gen3x16_xdma_4_1_202210_1"
  double clock_mhz = 300;
};

/// One argument of a kernel, as v++ would lay out its control registers.
struct KernelArgument {
  std::string name;    ///< of the C++ argument
  std::string tensor;  ///< the graph's tensor; empty for the scalar `rows` and for parameters
  bool is_memory = true;
  bool is_output = false;
  uint32_t offset = 0;  ///< of its control registers: 0x10, 0x1c, ...
  uint32_t size = 8;    ///< bytes: 8 for memory, 4 for `rows`
  std::string port;     ///< AXI master ("m_axi_features"), or "s_axi_control"
  std::string c_type;   ///< "ap_uint<512>*", "uint"
};

/// `inputs, outputs, rows` and, of a kernel that reads its parameters while it is on the card, their memory.
struct KernelDescription {
  std::string name;  ///< the top function and the kernel
  std::vector<KernelArgument> arguments;
  std::vector<std::string> compute_units;  ///< instance names, "jets_1", ...
  std::vector<Placement> placement;        ///< one per compute unit
  std::vector<std::string> sources;        ///< files of the project to compile for this kernel
  std::string configuration;               ///< its v++ configuration file
  std::vector<Plan> plans;                 ///< one per node of the graph
  int initiation_interval = 1;             ///< planned cycles between events: of the slowest layer or the longest row
  int depth = 0;                           ///< planned cycles through the layers, longest path
};

/// An HLS project: text files by path, the same for the same input.
struct Project {
  std::map<std::string, std::string> files;
  std::vector<KernelDescription> kernels;
  std::vector<std::string> warnings;  ///< "layer 'fc1': reuse factor 7 ... 8 is used"
  ProjectOptions options;
};

/// Writes models as one HLS project for Vitis HLS (C++14), with testbench, Makefile and v++ configuration.
/// The graphs must have passed layers::verify. Errors: InvalidArgument for an impossible reuse factor or an empty list,
/// Unimplemented for an op without a template or a number beyond 1024 bits; each names the layer.
absl::StatusOr<Project> write_project(std::span<const KernelSpec> kernels, const ProjectOptions& options = {});
absl::StatusOr<Project> write_project(const model::Graph& graph, const ProjectOptions& options = {});

/// Writes the files below `folder`, which is made where it does not exist. Files of the same names are replaced, each
/// at once (no half a file is ever seen); others are left alone. Errors: what the system says, naming the file.
absl::Status write_to_folder(const Project& project, const std::string& folder);

}  // namespace strobe::hls
